-- The buyer's side of the network: what a clerk looks for in received invoices, and how they match their orders.

create table payable_policies (
    seller_id         text          not null,
    price_percent     numeric(6,3)  not null,
    quantity_percent  numeric(6,3)  not null,
    quantity_units    numeric(13,3) not null,
    amount_rupees     numeric(18,2) not null,
    tax_rupees        numeric(18,2) not null,
    auto_accept       text          not null,
    changed_at        timestamptz   not null,
    constraint payable_policies_pk primary key (seller_id),
    constraint payable_policies_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint payable_policies_accept_known check (auto_accept in ('NOTHING', 'MATCHED', 'WITHIN_TOLERANCE')),
    constraint payable_policies_not_negative check (least(price_percent, quantity_percent, quantity_units,
        amount_rupees, tax_rupees) >= 0)
);
comment on table payable_policies is 'How far received invoices may differ from their orders. Matching holds the row, so that a company''s matches follow each other.';

create table network_payables (
    seller_id         text          not null,
    object_id         text          not null,
    -- The version of the invoice that was read, and the one that was accepted of itself, if any.
    version           integer       not null,
    accepted_version  integer,
    supplier_key      text          not null,
    supplier_name     text          not null,
    supplier_gstin    text,
    number_key        text          not null,
    invoice_date      date          not null,
    due_date          date,
    total             numeric(18,2) not null,
    order_numbers     text[]        not null,
    -- What a text is looked for in: number, supplier, orders, in lower case.
    words             text          not null,
    bill              jsonb         not null,
    verdict           text,
    findings          jsonb         not null,
    matched_at        timestamptz   not null,
    constraint network_payables_pk primary key (seller_id, object_id),
    constraint network_payables_object_fk foreign key (seller_id, object_id)
        references network_objects (seller_id, object_id),
    constraint network_payables_verdict_known check (verdict in ('MATCHED', 'WITHIN_TOLERANCE', 'OVER_BILLED',
        'TAX_DIFFERS', 'PRICE_DIFFERS', 'QUANTITY_EXCEEDS', 'NOT_ORDERED', 'ORDER_NOT_OPEN', 'NO_ORDER',
        'DUPLICATE_SUSPECTED'))
);
create index network_payables_by_number on network_payables (seller_id, supplier_key, number_key);
create index network_payables_by_day on network_payables (seller_id, supplier_key, invoice_date);
create index network_payables_by_due on network_payables (seller_id, due_date);
comment on table network_payables is 'Received invoices as they were read, with the verdict of their last match.';

create table network_payable_orders (
    seller_id  text not null,
    order_key  text not null,
    object_id  text not null,
    constraint network_payable_orders_pk primary key (seller_id, order_key, object_id),
    constraint network_payable_orders_payable_fk foreign key (seller_id, object_id)
        references network_payables (seller_id, object_id)
);
create index network_payable_orders_by_object on network_payable_orders (seller_id, object_id);
comment on table network_payable_orders is 'The orders received invoices name, by object id and by number.';

create index network_objects_by_number on network_objects (seller_id, kind, number);

do $$
declare t text;
begin
    foreach t in array array['payable_policies', 'network_payables', 'network_payable_orders'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
