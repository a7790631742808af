-- What an invoice's document said when it was sent (docs/decisions/0022): written once, never changed.

create table issued_documents (
    seller_id    text        not null,
    invoice_id   text        not null,
    version      smallint    not null,
    delivery_id  text        not null,
    template     smallint    not null,
    said         jsonb       not null,
    created_at   timestamptz not null,
    constraint issued_documents_pk primary key (seller_id, invoice_id, version),
    constraint issued_documents_invoice_fk foreign key (seller_id, invoice_id) references invoices (seller_id, invoice_id),
    constraint issued_documents_delivery_fk foreign key (seller_id, delivery_id)
        references deliveries (seller_id, delivery_id),
    constraint issued_documents_version_positive check (version > 0)
);
comment on table issued_documents is 'Versions of an invoice''s document, each kept at the delivery that first sent it; PDF and hosted page are drawn from the latest.';
comment on column issued_documents.template is 'The form it is drawn in.';
comment on column issued_documents.said is 'The rows it is drawn from: invoice, registration and customer, items, and where the logo is. The bank account is sealed as in registrations.';

create table issued_again (
    seller_id    text        not null,
    delivery_id  text        not null,
    invoice_id   text        not null,
    version      smallint    not null,
    created_at   timestamptz not null,
    constraint issued_again_pk primary key (seller_id, delivery_id, invoice_id, version),
    constraint issued_again_document_fk foreign key (seller_id, invoice_id, version)
        references issued_documents (seller_id, invoice_id, version),
    constraint issued_again_delivery_fk foreign key (seller_id, delivery_id) references deliveries (seller_id, delivery_id)
);
create index issued_again_by_document on issued_again (seller_id, invoice_id, version);
comment on table issued_again is 'Later deliveries that sent a version of a document once more.';

do $$
declare t text;
begin
    foreach t in array array['issued_documents', 'issued_again'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
