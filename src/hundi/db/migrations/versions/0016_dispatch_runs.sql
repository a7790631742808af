-- A dispatch of thousands of invoices that its caller does not wait for: what was asked, how far it has come, what became of each.
create table dispatch_runs (
    seller_id    text        not null,
    dispatch_id  text        not null,
    state        text        not null,
    invoice_ids  text[]      not null,
    wanted       jsonb       not null,
    -- How many of the invoices, each counted once, have been looked at; what goes by mail is left for the end.
    done         integer     not null,
    by_mail      text[]      not null,
    outcome      jsonb       not null,
    problem      text,
    request_id   text,
    created_at   timestamptz not null,
    created_by   text        not null,
    changed_at   timestamptz not null,
    constraint dispatch_runs_pk primary key (seller_id, dispatch_id),
    constraint dispatch_runs_state_known check (state in ('ACCEPTED', 'RUNNING', 'DONE', 'STOPPED')),
    constraint dispatch_runs_done_fits check (done between 0 and cardinality(invoice_ids))
);
comment on table dispatch_runs is 'Dispatches that run as jobs (Prefer: respond-async), slice by slice; each step moves done in the commit that sends its slice.';
do $$
declare t text;
begin
    foreach t in array array['dispatch_runs'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;

-- Webhooks that were taken before revision 0014 do not say what they touched, and stayed for ever. What they touched is in their
-- bodies: an object's id, the provider's name for one, or the id of a message of ours. It is looked up when their time has come,
-- a step's worth at a time; from then on they go as all others do.

create or replace function purge_provider_mail(p_before timestamptz, p_at_rest text[], p_most integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare v_seller text; v_count bigint; v_total bigint := 0;
begin
    for v_seller in select s.seller_id from public.sellers s order by s.seller_id loop
        exit when v_total >= p_most;
        update public.network_received r
           set about = array(
               select o.object_id from public.network_objects o
                where o.seller_id = v_seller and o.object_id = any (old.named)
               union
               select a.object_id from public.network_aliases a
                where a.seller_id = v_seller and a.source = old.source and a.alias = any (old.named)
               union
               select unnest(m.about) from public.network_messages m
                where m.seller_id = v_seller and (m.message_id = any (old.named) or m.provider_id = any (old.named)))
          from (select x.received_id, x.source,
                       x.waits_for || array(
                           -- Strings are read whole, whatever their length: else what ends one seems to begin the next.
                           select t.found[1] from regexp_matches(x.body, '"([^"\\]*(?:\\.[^"\\]*)*)"', 'g') t (found)
                            where length(t.found[1]) between 1 and 100) as named
                  from public.network_received x
                 where x.seller_id = v_seller and x.outcome in ('TAKEN', 'DISMISSED') and x.changed_at < p_before
                   and x.about is null
                 order by x.received_id limit p_most - v_total) old
         where r.seller_id = v_seller and r.received_id = old.received_id;
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
comment on column network_received.about is 'What the webhook touched: objects, and the provider''s names for them. Null where it was taken by an older version, until its time has come.';

-- A cursor of time to come was moved by a clock that has been set back since: it is work too, or no event would become a webhook
-- until it is that late again.
create or replace function sellers_with_webhook_work(p_before text, p_settle_before timestamptz) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select c.seller_id from public.webhook_cursors c
     where c.settled_at < p_settle_before
        or c.settled_at > p_settle_before + interval '11 minutes'
        or exists (select 1 from public.events e
                    where e.seller_id = c.seller_id and e.event_id > c.quick_id and e.event_id < p_before) $$;
