-- A call of the network in two round trips, each its own commit (design section 3): what the call has to see, and all it
-- leaves behind. Both bind the seller themselves and check the token against revocations. All they read is found by key, so
-- they are planned once and by index, however small a table was at that moment.

create function network_look(p_seller text, p_subjects text[], p_issued timestamptz, p_objects text[], p_plain text[],
    p_keys text[], p_receivers text[], p_lanes text[])
    returns table (what text, id text, value text, more text) language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_owners text[];
begin
    perform bind_actor(p_seller, p_subjects, p_issued);
    -- A company that trades through a provider is served another way.
    return query select 'route'::text, c.kind, null::text, null::text from network_connections c where c.seller_id = p_seller;
    -- The numbers first: nothing is locked here, and network_call() writes only where they are still the last. So
    -- whatever another call has written since the numbers were read stops this one.
    if cardinality(p_lanes) > 0 then
        return query
            select 'number'::text, n.receiver, n.lane, n.last::text
              from unnest(p_receivers, p_lanes) as p (receiver, lane)
              join network_numbers n on n.seller_id = p_seller and n.receiver = p.receiver and n.lane = p.lane;
    end if;
    if cardinality(p_objects) > 0 then
        return query
            select 'object'::text, o.object_id, o.data::text, null::text from network_objects o
             where o.seller_id = p_seller and o.object_id = any (p_objects)
            union all
            select distinct 'pending'::text, a.object_id, null::text, null::text from network_awaiting a
             where a.seller_id = p_seller and a.object_id = any (p_objects);
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
end $$;

create function network_call(
    p_seller        text,
    p_subjects      text[],
    p_issued        timestamptz,
    p_subject       text,          -- whose key and whose doing it is
    p_key           text,          -- the idempotency key, or null
    p_request_hash  bytea,
    p_reply         bytea,
    p_at            timestamptz,
    p_new           jsonb,         -- the last five as network_write() takes them, without objects that were there before
    p_events        jsonb,
    p_mail          jsonb,
    p_parcels       bytea[],
    p_audit_id      text,
    p_action        text,
    p_object_id     text,
    p_facts         jsonb,
    p_request_id    text,
    p_job           text,
    p_payload       bytea
) returns boolean language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
-- False: the key is taken, and nothing was written. Where another call was quicker with an object or a number, nothing is
-- written either: an exception of SQLSTATE HU409.
begin
    perform bind_actor(p_seller, p_subjects, p_issued);
    if p_key is not null then
        -- Waits for another call that has just taken it.
        insert into idempotency_keys as k (seller_id, subject, key, request_hash, created_at, status, reply)
        values (p_seller, p_subject, p_key, p_request_hash, p_at, 200, p_reply)
        on conflict on constraint idempotency_keys_pk do update
            set request_hash = excluded.request_hash, created_at = excluded.created_at,
                status = excluded.status, reply = excluded.reply, facts = null, import_id = null
            where k.created_at < excluded.created_at - interval '24 hours';
        if not found then
            return false;
        end if;
    end if;
    if not network_write(p_seller, p_new, null, p_events, p_mail, p_parcels) then
        raise exception 'network_changed' using errcode = 'HU409';
    end if;
    insert into audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, before, after, request_id)
    values (p_seller, p_audit_id, p_at, p_subject, p_action, 'network', p_object_id, null, p_facts, p_request_id);
    -- As hundi.jobs.queue writes a job; a test compares the two.
    insert into pgqueuer (priority, entrypoint, payload, execute_after, status)
    values (0, p_job, p_payload, now(), 'queued');
    return true;
end $$;

-- ---------------------------------------------------------------- webhooks

create function webhook_claim(p_seller text, p_endpoint text, p_kind text, p_object text, p_at timestamptz,
    p_lease_began timestamptz, p_slow_since timestamptz, p_most_slow integer, p_tries integer)
    returns table (
        what text, e_endpoint_id text, e_url text, e_description text, e_event_types text[], e_status text,
        e_disabled_reason text, e_secret bytea, e_signing_key bytea, e_public_key text, e_old_secret bytea,
        e_old_signing_key bytea, e_old_until timestamptz, e_failing_since timestamptz, e_created_at timestamptz,
        e_modified_at timestamptz, d_delivery_id text, d_endpoint_id text, d_message_id text, d_object_kind text,
        d_object_id text, d_sequence bigint, d_state text, d_attempts smallint, d_due_at timestamptz, d_detail text,
        d_created_at timestamptz, d_settled_at timestamptz, d_replay_of text, m_type text, m_at timestamptz, m_data
        text, m_bare boolean, m_path text
    ) language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
-- Writes the next attempt of a lane and gives it, in one commit. No row: nothing is due. 'other': something is out of the
-- ordinary, nothing was written, and hundi.webhooks.delivery.claim() has to look at it.
declare
    v_endpoint webhook_endpoints;
    v_delivery webhook_deliveries;
begin
    perform bind_seller(p_seller);
    perform from webhook_lanes l
      where l.seller_id = p_seller and l.endpoint_id = p_endpoint and l.object_kind = p_kind and l.object_id = p_object
        for update;
    if not found then
        return;
    end if;
    select * into v_endpoint from webhook_endpoints e
     where e.seller_id = p_seller and e.endpoint_id = p_endpoint and e.deleted_at is null;
    select * into v_delivery from webhook_deliveries d
     where d.seller_id = p_seller and d.endpoint_id = p_endpoint and d.object_kind = p_kind and d.object_id = p_object
       and d.state in ('PENDING', 'SENDING') order by d.position limit 1;
    if not found or (v_delivery.state = 'PENDING' and v_delivery.due_at > p_at and v_endpoint.status = 'ENABLED') then
        return;
    end if;
    if v_endpoint.endpoint_id is null or v_endpoint.status <> 'ENABLED' or v_endpoint.failing_since is not null
       or v_delivery.state <> 'PENDING' or v_delivery.attempts >= p_tries
       or (select count(*) from webhook_deliveries d
            where d.seller_id = p_seller and d.endpoint_id = p_endpoint and d.state = 'SENDING'
              and d.due_at > p_lease_began and d.due_at < p_slow_since) >= p_most_slow then
        what := 'other';
        return next;
        return;
    end if;
    insert into webhook_attempts (seller_id, delivery_id, attempt_no, started_at)
    values (p_seller, v_delivery.delivery_id, v_delivery.attempts + 1, p_at);
    update webhook_deliveries as d
       set state = 'SENDING', detail = null, due_at = p_at, attempts = v_delivery.attempts + 1
     where d.seller_id = p_seller and d.delivery_id = v_delivery.delivery_id;
    return query
        select
            'claimed'::text, v_endpoint.endpoint_id, v_endpoint.url, v_endpoint.description, v_endpoint.event_types,
            v_endpoint.status, v_endpoint.disabled_reason, v_endpoint.secret, v_endpoint.signing_key,
            v_endpoint.public_key, v_endpoint.old_secret, v_endpoint.old_signing_key, v_endpoint.old_until,
            v_endpoint.failing_since, v_endpoint.created_at, v_endpoint.modified_at, v_delivery.delivery_id,
            v_delivery.endpoint_id, v_delivery.message_id, v_delivery.object_kind, v_delivery.object_id,
            v_delivery.sequence, v_delivery.state, v_delivery.attempts, v_delivery.due_at, v_delivery.detail,
            v_delivery.created_at, v_delivery.settled_at, v_delivery.replay_of, m.type, m.at, m.data::text, m.bare,
            m.path
          from webhook_messages m where m.seller_id = p_seller and m.message_id = v_delivery.message_id;
end $$;

create function webhook_taken(p_seller text, p_endpoint text, p_kind text, p_object text, p_at timestamptz,
    p_lease_began timestamptz, p_slow_since timestamptz, p_most_slow integer, p_tries integer, p_delivery text,
    p_attempt integer, p_status integer, p_ms integer, p_response text, p_next boolean)
    returns table (
        what text, e_endpoint_id text, e_url text, e_description text, e_event_types text[], e_status text,
        e_disabled_reason text, e_secret bytea, e_signing_key bytea, e_public_key text, e_old_secret bytea,
        e_old_signing_key bytea, e_old_until timestamptz, e_failing_since timestamptz, e_created_at timestamptz,
        e_modified_at timestamptz, d_delivery_id text, d_endpoint_id text, d_message_id text, d_object_kind text,
        d_object_id text, d_sequence bigint, d_state text, d_attempts smallint, d_due_at timestamptz, d_detail text,
        d_created_at timestamptz, d_settled_at timestamptz, d_replay_of text, m_type text, m_at timestamptz, m_data
        text, m_bare boolean, m_path text
    ) language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
-- Writes down that an attempt was taken, and with p_next begins the next one of the lane, in one commit; gives what
-- webhook_claim() gives. Where the outcome is known already nothing is written, and no row comes.
begin
    perform bind_seller(p_seller);
    perform from webhook_lanes l
      where l.seller_id = p_seller and l.endpoint_id = p_endpoint and l.object_kind = p_kind and l.object_id = p_object
        for update;
    update webhook_attempts as a
       set outcome = 'TAKEN', finished_at = p_at, status = p_status, ms = p_ms, response = p_response, detail = null
     where a.seller_id = p_seller and a.delivery_id = p_delivery and a.attempt_no = p_attempt
       and (a.outcome is null or a.outcome = 'LOST');
    if not found then
        return;
    end if;
    update webhook_deliveries as d set state = 'DELIVERED', detail = null, settled_at = p_at
     where d.seller_id = p_seller and d.delivery_id = p_delivery and d.state in ('PENDING', 'SENDING', 'FAILED');
    update webhook_endpoints as e set failing_since = null
     where e.seller_id = p_seller and e.endpoint_id = p_endpoint and e.failing_since is not null;
    if p_next then
        return query
            select * from webhook_claim(p_seller, p_endpoint, p_kind, p_object, p_at, p_lease_began, p_slow_since,
                                        p_most_slow, p_tries);
    end if;
end $$;
