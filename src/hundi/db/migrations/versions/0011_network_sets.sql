-- What the network's two ends ask and write, by the set. A company's functions name the seller in every statement, as
-- all others do; the central unit's keep to its schema. Each statement in a function sees what was committed before it,
-- so what is read behind a lock is what the lock's last holder left.

-- ---------------------------------------------------------------- a company's side

create function network_open(p_seller text, p_sender text, p_lanes text[], p_parcels text[], p_places text[],
    p_messages text[])
    returns table (what text, id text, value text, parcel bytea) language plpgsql as $$
begin
    -- The lanes first: what follows is read after whoever had them has committed.
    return query
        insert into network_heights as h (seller_id, sender, lane, height) select p_seller, p_sender, l.lane,
            0 from unnest(p_lanes) as l (lane)
        on conflict on constraint network_heights_pk do update set height = h.height
        returning 'height'::text, h.lane, h.height::text, null::bytea;
    return query
        select 'seen'::text, i.parcel_id, i.digest, null::bytea from network_inbox i
         where i.seller_id = p_seller and i.sender = p_sender and i.parcel_id = any (p_parcels);
    return query
        select 'held'::text, h.parcel_id, null::text, h.parcel from network_held h
         where h.seller_id = p_seller and h.sender = p_sender and h.places && p_places order by h.parcel_id for update;
    if cardinality(p_messages) > 0 then
        return query
            select 'awaited'::text, a.message_id, a.object_id, null::bytea from network_awaiting a
             where a.seller_id = p_seller and a.message_id = any (p_messages) order by a.message_id, a.object_id;
    end if;
end $$;

create function network_read(p_seller text, p_locked text[], p_plain text[], p_keys text[], p_receivers text[],
    p_lanes text[])
    returns table (what text, id text, value text, more text) language plpgsql as $$
begin
    if cardinality(p_locked) > 0 then
        return query
            select 'object'::text, o.object_id, o.data::text, null::text from network_objects o
             where o.seller_id = p_seller and o.object_id = any (p_locked) order by o.object_id for update;
    end if;
    if cardinality(p_plain) > 0 then
        -- With a B2B ID comes its business: whoever asks for the one needs the other.
        return query
            select 'party'::text, o.object_id, o.data::text, null::text from network_objects o
             where o.seller_id = p_seller and o.object_id = any (p_plain)
            union all
            select 'party'::text, b.object_id, b.data::text, null::text
              from network_objects o
              join network_objects b on b.seller_id = p_seller and b.object_id = o.data -> 'facts' ->> 'business_id'
             where o.seller_id = p_seller and o.object_id = any (p_plain);
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

create function network_write(p_seller text, p_new jsonb, p_old jsonb, p_events jsonb, p_mail jsonb, p_parcels bytea[])
    returns boolean language plpgsql as $$
declare
    v_count bigint;
    v_done  bigint;
begin
    -- False: another transaction was quicker with an object, a number or a key; the caller rolls back.
    if p_new is not null then
        insert into network_objects (seller_id, object_id, kind, status, version, revision, number, supplier, buyer,
            role, total, due, key, data, document, created_at, changed_at)
        select p_seller, o.object_id, o.kind, o.status, o.version, o.revision, o.number, o.supplier, o.buyer, o.role,
            o.total, o.due, o.key, o.data, o.document, o.created_at, o.changed_at
          from jsonb_to_recordset(p_new) as o (object_id text, before integer, kind text, status text,
              version integer, revision integer, number text, supplier text, buyer text, role text, total numeric,
              due numeric, key text,
                 data jsonb, document jsonb, created_at timestamptz, changed_at timestamptz)
        on conflict on constraint network_objects_pk do nothing;
        get diagnostics v_done = row_count;
        if v_done <> jsonb_array_length(p_new) then
            return false;
        end if;
    end if;
    if p_old is not null then
        update network_objects as x
           set status = o.status, version = o.version, revision = o.revision, number = o.number,
               supplier = o.supplier, buyer = o.buyer, role = o.role, total = o.total, due = o.due, key = o.key,
               data = o.data,
               document = coalesce(o.document, x.document), changed_at = o.changed_at
          from jsonb_to_recordset(p_old) as o (object_id text, before integer, kind text, status text,
              version integer, revision integer, number text, supplier text, buyer text, role text, total numeric,
              due numeric, key text,
                 data jsonb, document jsonb, created_at timestamptz, changed_at timestamptz)
         where x.seller_id = p_seller and x.object_id = o.object_id and x.revision = o.before;
        get diagnostics v_done = row_count;
        if v_done <> jsonb_array_length(p_old) then
            return false;
        end if;
    end if;
    if p_events is not null then
        insert into network_events (seller_id, object_id, revision, event, actor, before, after, version, amount, at,
            message_id)
        select p_seller, m.object_id, m.revision, m.event, m.actor, m.before, m.after, m.version, m.amount, m.at,
            m.message_id
          from jsonb_to_recordset(p_events) as m (object_id text, revision integer, event text, actor text, before text,
               after text, version integer, amount numeric, at timestamptz, message_id text);
    end if;
    if p_mail ? 'inbox' then
        insert into network_inbox (seller_id, sender, parcel_id, digest, at)
        select p_seller, i.sender, i.parcel_id, i.digest, i.at
          from jsonb_to_recordset(p_mail -> 'inbox') as i (sender text, parcel_id text, digest text, at timestamptz);
    end if;
    if p_mail ? 'heights' then
        update network_heights as h set height = p.height
          from jsonb_to_recordset(p_mail -> 'heights') as p (sender text, lane text, height bigint)
         where h.seller_id = p_seller and h.sender = p.sender and h.lane = p.lane;
    end if;
    if p_mail ? 'numbers' then
        insert into network_numbers (seller_id, receiver, lane, last)
        select p_seller, n.receiver, n.lane, n.last
          from jsonb_to_recordset(p_mail -> 'numbers') as n (receiver text, lane text, before bigint, last bigint)
         where n.before = 0 order by n.receiver, n.lane
        on conflict on constraint network_numbers_pk do nothing;
        get diagnostics v_done = row_count;
        update network_numbers as x set last = n.last
          from jsonb_to_recordset(p_mail -> 'numbers') as n (receiver text, lane text, before bigint, last bigint)
         where n.before > 0 and x.seller_id = p_seller and x.receiver = n.receiver and x.lane = n.lane and x.last = n.before;
        get diagnostics v_count = row_count;
        if v_done + v_count <> jsonb_array_length(p_mail -> 'numbers') then
            return false;
        end if;
    end if;
    if p_mail ? 'outbox' then
        insert into network_outbox (seller_id, parcel_id, receiver, parcel, due, attempts)
        select p_seller, p.parcel_id, p.receiver, p_parcels[p.place], p.due, p.attempts
          from jsonb_to_recordset(p_mail -> 'outbox')
               as p (place integer, parcel_id text, receiver text, due timestamptz, attempts integer);
    end if;
    if p_mail ? 'taken' then
        delete from network_outbox as x
         using jsonb_array_elements_text(p_mail -> 'taken') as t (parcel_id)
         where x.seller_id = p_seller and x.parcel_id = t.parcel_id;
    end if;
    if p_mail ? 'awaiting' then
        insert into network_awaiting (seller_id, message_id, object_id, since)
        select p_seller, a.message_id, a.object_id, a.since
          from jsonb_to_recordset(p_mail -> 'awaiting') as a (message_id text, object_id text, since timestamptz);
    end if;
    if p_mail ? 'answered' then
        delete from network_awaiting as a
         using jsonb_array_elements_text(p_mail -> 'answered') as t (message_id)
         where a.seller_id = p_seller and a.message_id = t.message_id;
    end if;
    return true;
end $$;

-- ---------------------------------------------------------------- the central unit

create function central.open(p_sender text, p_lanes text[], p_parcels text[], p_places text[])
    returns table (what text, id text, value text, parcel bytea) language plpgsql as $$
begin
    -- The lanes first: what follows is read after whoever had them has committed.
    return query
        insert into central.heights as h (sender, lane, height) select p_sender, l.lane,
            0 from unnest(p_lanes) as l (lane)
        on conflict on constraint heights_pk do update set height = h.height
        returning 'height'::text, h.lane, h.height::text, null::bytea;
    return query
        select 'seen'::text, i.parcel_id, i.digest, null::bytea from central.inbox i
         where i.sender = p_sender and i.parcel_id = any (p_parcels);
    return query
        select 'held'::text, h.parcel_id, null::text, h.parcel from central.held h
         where h.sender = p_sender and h.places && p_places order by h.parcel_id for update;
end $$;

create function central.read(p_locked text[], p_plain text[], p_keys text[], p_receivers text[], p_lanes text[])
    returns table (what text, id text, value text, more text) language plpgsql as $$
begin
    if cardinality(p_locked) > 0 then
        return query
            select 'object'::text, o.object_id, o.data::text, null::text from central.objects o
             where o.object_id = any (p_locked) order by o.object_id for update;
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

create function central.write(p_new jsonb, p_old jsonb, p_events jsonb, p_mail jsonb, p_parcels bytea[])
    returns boolean language plpgsql as $$
declare
    v_count bigint;
    v_done  bigint;
begin
    -- False: another transaction was quicker with an object, a number or a key; the caller rolls back.
    if p_new is not null then
        insert into central.objects (object_id, kind, status, version, revision, data, document, created_at, changed_at)
        select o.object_id, o.kind, o.status, o.version, o.revision, o.data, o.document, o.created_at, o.changed_at
          from jsonb_to_recordset(p_new) as o (object_id text, before integer, kind text, status text,
              version integer, revision integer,
                 data jsonb, document jsonb, created_at timestamptz, changed_at timestamptz)
        on conflict on constraint objects_pk do nothing;
        get diagnostics v_done = row_count;
        if v_done <> jsonb_array_length(p_new) then
            return false;
        end if;
    end if;
    if p_old is not null then
        update central.objects as x
           set status = o.status, version = o.version, revision = o.revision, data = o.data,
               document = coalesce(o.document, x.document), changed_at = o.changed_at
          from jsonb_to_recordset(p_old) as o (object_id text, before integer, kind text, status text,
              version integer, revision integer,
                 data jsonb, document jsonb, created_at timestamptz, changed_at timestamptz)
         where x.object_id = o.object_id and x.revision = o.before;
        get diagnostics v_done = row_count;
        if v_done <> jsonb_array_length(p_old) then
            return false;
        end if;
    end if;
    if p_events is not null then
        insert into central.events (object_id, revision, event, actor, before, after, version, amount, at, message_id)
        select m.object_id, m.revision, m.event, m.actor, m.before, m.after, m.version, m.amount, m.at, m.message_id
          from jsonb_to_recordset(p_events) as m (object_id text, revision integer, event text, actor text, before text,
               after text, version integer, amount numeric, at timestamptz, message_id text);
    end if;
    if p_mail ? 'inbox' then
        insert into central.inbox (sender, parcel_id, digest, at)
        select i.sender, i.parcel_id, i.digest, i.at
          from jsonb_to_recordset(p_mail -> 'inbox') as i (sender text, parcel_id text, digest text, at timestamptz);
    end if;
    if p_mail ? 'heights' then
        update central.heights as h set height = p.height
          from jsonb_to_recordset(p_mail -> 'heights') as p (sender text, lane text, height bigint)
         where h.sender = p.sender and h.lane = p.lane;
    end if;
    if p_mail ? 'numbers' then
        insert into central.numbers (receiver, lane, last)
        select n.receiver, n.lane, n.last
          from jsonb_to_recordset(p_mail -> 'numbers') as n (receiver text, lane text, before bigint, last bigint)
         where n.before = 0 order by n.receiver, n.lane
        on conflict on constraint numbers_pk do nothing;
        get diagnostics v_done = row_count;
        update central.numbers as x set last = n.last
          from jsonb_to_recordset(p_mail -> 'numbers') as n (receiver text, lane text, before bigint, last bigint)
         where n.before > 0 and x.receiver = n.receiver and x.lane = n.lane and x.last = n.before;
        get diagnostics v_count = row_count;
        if v_done + v_count <> jsonb_array_length(p_mail -> 'numbers') then
            return false;
        end if;
    end if;
    if p_mail ? 'outbox' then
        insert into central.outbox (parcel_id, receiver, parcel, due, attempts)
        select p.parcel_id, p.receiver, p_parcels[p.place], p.due, p.attempts
          from jsonb_to_recordset(p_mail -> 'outbox')
               as p (place integer, parcel_id text, receiver text, due timestamptz, attempts integer);
    end if;
    if p_mail ? 'taken' then
        delete from central.outbox as x
         using jsonb_array_elements_text(p_mail -> 'taken') as t (parcel_id)
         where x.parcel_id = t.parcel_id;
    end if;
    if not p_mail ? 'claims' then
        return true;
    end if;
    -- A key that is free is taken, one that is given up is free, one that changes hands does so from its holder only.
    delete from central.claims as c
     using jsonb_to_recordset(p_mail -> 'claims') as k (key text, before text, after text)
     where k.before is not null and k.after is null and c.key = k.key and c.object_id = k.before;
    get diagnostics v_done = row_count;
    insert into central.claims (key, object_id)
    select k.key, k.after from jsonb_to_recordset(p_mail -> 'claims') as k (key text, before text, after text)
     where k.before is null order by k.key
    on conflict on constraint claims_pk do nothing;
    get diagnostics v_count = row_count;
    v_done := v_done + v_count;
    update central.claims as c set object_id = k.after
      from jsonb_to_recordset(p_mail -> 'claims') as k (key text, before text, after text)
     where k.before is not null and k.after is not null and c.key = k.key and c.object_id = k.before;
    get diagnostics v_count = row_count;
    return v_done + v_count = jsonb_array_length(p_mail -> 'claims');
end $$;
