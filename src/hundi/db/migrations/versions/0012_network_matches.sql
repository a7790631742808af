-- Possible twins of an invoice are found by index, the nearest first, however many a supplier sends in a day.

alter table network_payables add column received_at timestamptz;
alter table network_payables add column likeness text;
comment on column network_payables.received_at is 'When the object was received: network_objects.created_at, which never changes.';
comment on column network_payables.likeness is 'Digest of day, total and orders: what two copies of one invoice have in common besides the number.';
update network_payables as p
   set received_at = o.created_at,
       likeness = left(encode(sha256(convert_to(
           to_char(p.invoice_date, 'YYYY-MM-DD') || '|' || p.total::text || '|'
           || coalesce((select string_agg(q.order_key, chr(31) order by q.order_key collate "C")
                          from network_payable_orders q
                         where q.seller_id = p.seller_id and q.object_id = p.object_id), ''), 'UTF8')), 'hex'), 32)
  from network_objects o where o.seller_id = p.seller_id and o.object_id = p.object_id;
alter table network_payables alter column received_at set not null;
alter table network_payables alter column likeness set not null;
create index network_payables_by_likeness on network_payables (seller_id, supplier_key, likeness, received_at, object_id);
drop index network_payables_by_day;

-- Objects are locked against change, not against being referred to: an invoice that is being matched (its row in
-- network_payables refers to it) may be answered meanwhile.

create or replace function network_read(p_seller text, p_locked text[], p_plain text[], p_keys text[], p_receivers text[],
    p_lanes text[])
    returns table (what text, id text, value text, more text) language plpgsql as $$
declare
    v_owners text[];
begin
    if cardinality(p_locked) > 0 then
        return query
            select 'object'::text, o.object_id, o.data::text, null::text from network_objects o
             where o.seller_id = p_seller and o.object_id = any (p_locked) order by o.object_id for no key update;
    end if;
    if cardinality(p_plain) > 0 then
        -- With a B2B ID comes its business: whoever asks for the one needs the other. In two steps, because under
        -- row-level security no index is used to join by what a function gives that is not proven to keep secrets.
        select array_agg(o.data -> 'facts' ->> 'business_id') into v_owners from network_objects o
         where o.seller_id = p_seller and o.object_id = any (p_plain);
        return query
            select 'party'::text, o.object_id, o.data::text, null::text from network_objects o
             where o.seller_id = p_seller and o.object_id = any (p_plain || v_owners);
    end if;
    if cardinality(p_keys) > 0 then
        return query
            select 'holder'::text, o.key, o.object_id, null::text from network_objects o
             where o.seller_id = p_seller and o.key = any (p_keys);
    end if;
    if cardinality(p_locked) > 0 then
        return query
            select distinct 'pending'::text, a.object_id, null::text, null::text from network_awaiting a
             where a.seller_id = p_seller and a.object_id = any (p_locked);
    end if;
    if cardinality(p_lanes) > 0 then
        return query
            select 'number'::text, n.receiver, n.lane, n.last::text
              from unnest(p_receivers, p_lanes) as p (receiver, lane)
              join network_numbers n on n.seller_id = p_seller and n.receiver = p.receiver and n.lane = p.lane;
    end if;
end $$;

create or replace function central.read(p_locked text[], p_plain text[], p_keys text[], p_receivers text[], p_lanes text[])
    returns table (what text, id text, value text, more text) language plpgsql as $$
begin
    if cardinality(p_locked) > 0 then
        return query
            select 'object'::text, o.object_id, o.data::text, null::text from central.objects o
             where o.object_id = any (p_locked) order by o.object_id for no key update;
    end if;
    if cardinality(p_plain) > 0 then
        -- With a B2B ID comes its business: whoever asks for the one needs the other.
        return query
            select 'party'::text, o.object_id, o.data::text, null::text from central.objects o
             where o.object_id = any (p_plain)
            union all
            select 'party'::text, b.object_id, b.data::text, null::text
              from central.objects o
              join central.objects b on b.object_id = o.data -> 'facts' ->> 'business_id'
             where o.object_id = any (p_plain);
    end if;
    if cardinality(p_keys) > 0 then
        return query
            select 'holder'::text, c.key, c.object_id, null::text from central.claims c where c.key = any (p_keys);
    end if;
    if cardinality(p_lanes) > 0 then
        return query
            select 'number'::text, n.receiver, n.lane, n.last::text
              from unnest(p_receivers, p_lanes) as p (receiver, lane)
              join central.numbers n on n.receiver = p.receiver and n.lane = p.lane;
    end if;
end $$;

-- A handful of rows by their keys, whatever the statistics said when a connection planned it: a plan made while the tables
-- were small would read all of them, again and again, until somebody analyses them.
alter function network_open(text, text, text[], text[], text[], text[]) set enable_seqscan = off;
alter function network_read(text, text[], text[], text[], text[], text[]) set enable_seqscan = off;
alter function network_write(text, jsonb, jsonb, jsonb, jsonb, bytea[]) set enable_seqscan = off;
alter function network_write(text, jsonb, jsonb, jsonb, jsonb, bytea[]) set enable_hashjoin = off;
alter function network_write(text, jsonb, jsonb, jsonb, jsonb, bytea[]) set enable_mergejoin = off;
alter function central.open(text, text[], text[], text[]) set enable_seqscan = off;
alter function central.read(text[], text[], text[], text[], text[]) set enable_seqscan = off;
alter function central.write(jsonb, jsonb, jsonb, jsonb, bytea[]) set enable_seqscan = off;
alter function central.write(jsonb, jsonb, jsonb, jsonb, bytea[]) set enable_hashjoin = off;
alter function central.write(jsonb, jsonb, jsonb, jsonb, bytea[]) set enable_mergejoin = off;
