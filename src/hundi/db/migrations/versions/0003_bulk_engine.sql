-- The bulk engine: customers from files, progress that any process can read, cancelling, and limits of a seller.

-- ---------------------------------------------------------------- imports

alter table imports
    add column rows_read            bigint not null default 0,   -- handed over by the reader
    add column rows_judged          bigint not null default 0,
    add column progress_at          timestamptz,
    add column run_by               text,
    add column cancel_requested_at  timestamptz,
    add column cancelled_by         text;
alter table imports drop constraint imports_state_known;
alter table imports add constraint imports_state_known check (
    state in ('RECEIVED', 'RUNNING', 'DONE', 'REFUSED', 'CANCELLED'));
alter table imports drop constraint imports_kind_known;
alter table imports add constraint imports_kind_known check (
    kind in ('invoices', 'customers', 'customer_updates', 'attachments'));
create index imports_by_created on imports (seller_id, created_at, import_id);
create index imports_by_hash on imports (seller_id, file_hash, kind);

-- Rows of the second table (Items) that failed or whose invoice failed.
alter table import_chunks add column item_failure_count bigint not null default 0;

alter table sellers
    add column import_row_limit  bigint,
    add column import_mb_limit   integer,
    add column imports_at_once   integer;
alter table sellers add constraint sellers_import_limits_positive check (
    coalesce(import_row_limit, 1) > 0 and coalesce(import_mb_limit, 1) > 0 and coalesce(imports_at_once, 1) > 0);

-- ---------------------------------------------------------------- customers from files

-- The birth of an imported customer, and what its row said: a row that comes again is known by that.
alter table customers
    add column import_id     text,
    add column row_no        bigint,
    add column content_hash  bytea;

-- ---------------------------------------------------------------- the operator's own question, across sellers

create function imports_kept(p_ids text[], p_since timestamptz) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select i.import_id from public.imports i
     where i.import_id = any (p_ids) and (i.finished_at is null or i.finished_at >= p_since) $$;
comment on function imports_kept is 'Which of these imports still need their files: those under way, and those that ended after p_since. Names only.';
