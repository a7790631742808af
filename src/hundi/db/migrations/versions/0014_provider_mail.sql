-- A company's messages to its provider and the webhooks that came from there are forgotten some time after they were settled
-- (docs/decisions/0019), but not while an object they are about can still change: a webhook that came again would then be
-- taken for a new one.

alter table network_received add column about text[];
comment on column network_received.about is 'What the webhook touched: objects, and the provider''s names for them. Unknown of those taken before there was this column.';

create function purge_provider_mail(p_before timestamptz, p_at_rest text[], p_most integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare v_seller text; v_count bigint; v_total bigint := 0;
begin
    for v_seller in select s.seller_id from public.sellers s order by s.seller_id loop
        exit when v_total >= p_most;
        delete from public.network_received r
         using (select x.received_id from public.network_received x
                 where x.seller_id = v_seller and x.outcome in ('TAKEN', 'DISMISSED') and x.changed_at < p_before
                   and x.about is not null
                   and not exists (select 1 from public.network_objects o
                                    where o.seller_id = v_seller and o.object_id = any (x.about)
                                      and o.kind || '/' || o.status <> all (p_at_rest))
                 order by x.received_id limit p_most - v_total) old
         where r.seller_id = v_seller and r.received_id = old.received_id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;
        delete from public.network_messages m
         using (select x.message_id from public.network_messages x
                 where x.seller_id = v_seller and x.progress = 'ANSWERED' and x.changed_at < p_before
                   and not exists (select 1 from public.network_objects o
                                    where o.seller_id = v_seller and o.object_id = any (x.about)
                                      and o.kind || '/' || o.status <> all (p_at_rest))
                 order by x.message_id limit greatest(p_most - v_total, 0)) old
         where m.seller_id = v_seller and m.message_id = old.message_id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;
    end loop;
    return v_total;
end $$;
comment on function purge_provider_mail is 'Housekeeping: settled messages to providers and webhooks from them, older than p_before and about nothing that is under way; about p_most at a time.';

-- A clock that was ahead and has been set back leaves parcels that seem to be put off for longer than any is: they are due. The
-- form with one parameter stays for workers of the version before, which go on while the schema is brought up to date.
create function sellers_with_parcels(p_now timestamptz, p_too_far timestamptz) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    with recursive waiting (seller_id) as (
        (select o.seller_id from public.network_outbox o order by o.seller_id limit 1)
        union all
        select (select o.seller_id from public.network_outbox o where o.seller_id > w.seller_id order by o.seller_id limit 1)
          from waiting w where w.seller_id is not null)
    select w.seller_id from waiting w
     where w.seller_id is not null
       and (exists (select 1 from public.network_outbox o where o.seller_id = w.seller_id and o.due <= p_now)
            or exists (select 1 from public.network_outbox o where o.seller_id = w.seller_id and o.due > p_too_far)) $$;
comment on function sellers_with_parcels(timestamptz, timestamptz) is 'Whose parcels are due to be carried to a central unit elsewhere. Names only.';
