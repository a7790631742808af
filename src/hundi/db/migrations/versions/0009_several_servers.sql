-- Several servers with one central unit: parcels travel over HTTP, and some are refused for good.

alter table network_outbox add column problem text;
comment on column network_outbox.problem is 'Why the last attempt to carry it to another server came to nothing.';

create table network_refused (
    seller_id   text        not null,
    parcel_id   text        not null,
    receiver    text        not null,
    parcel      bytea       not null,
    attempts    integer     not null,
    code        text        not null,
    detail      text        not null,
    refused_at  timestamptz not null,
    constraint network_refused_pk primary key (seller_id, parcel_id)
);
comment on table network_refused is 'Parcels the central unit refused for good, as they were sent; another one took their places.';
do $$
declare t text;
begin
    foreach t in array array['network_refused'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;

alter table central.outbox add column problem text;
create index outbox_of_servers on central.outbox (split_part(receiver, '/', 1), due, parcel_id) where receiver like '%/%';

create table central.refused (
    parcel_id   text        not null,
    receiver    text        not null,
    parcel      bytea       not null,
    attempts    integer     not null,
    code        text        not null,
    detail      text        not null,
    refused_at  timestamptz not null,
    constraint refused_pk primary key (parcel_id)
);

comment on table central.homes is 'Other servers, each by its name: it signs for all homes <name>/<company id>. Companies of this one need no row: their keys follow from the installation''s secret.';

-- Old rows stand where they were written: a summary by block is all a search for them needs.
create index inbox_by_age on central.inbox using brin (at);

create function sellers_with_parcels(p_now timestamptz) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    with recursive waiting (seller_id) as (
        (select o.seller_id from public.network_outbox o order by o.seller_id limit 1)
        union all
        select (select o.seller_id from public.network_outbox o where o.seller_id > w.seller_id order by o.seller_id limit 1)
          from waiting w where w.seller_id is not null)
    select w.seller_id from waiting w
     where w.seller_id is not null
       and exists (select 1 from public.network_outbox o where o.seller_id = w.seller_id and o.due <= p_now) $$;
comment on function sellers_with_parcels is 'Whose parcels are due to be carried to a central unit elsewhere. Names only.';

-- The central unit's parcel ids begin with the time of their birth, so a company's old ones are found by the primary key.
create function purge_network(p_before timestamptz, p_born_before text, p_most integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare v_seller text; v_count bigint; v_total bigint := 0;
begin
    for v_seller in select s.seller_id from public.sellers s order by s.seller_id loop
        exit when v_total >= p_most;
        delete from public.network_inbox i
         using (select o.seller_id, o.sender, o.parcel_id from public.network_inbox o
                 where o.seller_id = v_seller and o.sender = 'CENTRE' and o.parcel_id < p_born_before and o.at < p_before
                 order by o.parcel_id limit p_most - v_total) old
         where i.seller_id = v_seller and i.sender = old.sender and i.parcel_id = old.parcel_id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;
        delete from public.network_refused where seller_id = v_seller and refused_at < p_before;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;
    end loop;
    delete from central.inbox i
     using (select o.sender, o.parcel_id from central.inbox o where o.at < p_before limit greatest(p_most - v_total, 0)) old
     where i.sender = old.sender and i.parcel_id = old.parcel_id;
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;
    delete from central.refused where refused_at < p_before;
    get diagnostics v_count = row_count;
    return v_total + v_count;
end $$;
comment on function purge_network is 'Housekeeping: notes of parcels taken over or refused before p_before, about p_most at a time.';
