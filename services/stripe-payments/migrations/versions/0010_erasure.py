"""A seller's data can be erased; the books stay."""

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = """
-- What is left of an event: which one it was, and of which object; enough to fetch that again.
CREATE FUNCTION payments.stub_of(payload jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'id', payload->'id', 'type', payload->'type', 'created', payload->'created',
        'account', payload->'account', 'livemode', payload->'livemode', 'erased', true,
        'data', jsonb_build_object('object', jsonb_build_object(
            'id', payload#>'{data,object,id}', 'object', payload#>'{data,object,object}')))) $$;;

-- No duty may change an event or a link to Stripe; erasing the seller is the one lawful way.
CREATE FUNCTION payments.erase_user(of_user text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
DECLARE
    customer text := (SELECT customer_id FROM stripe_customers WHERE user_id = of_user);
    connected text := (SELECT account_id FROM stripe_accounts WHERE user_id = of_user);
BEGIN
    IF of_user = '*' OR current_setting('opside.tenant', true) IS DISTINCT FROM of_user THEN
        RAISE EXCEPTION 'a seller is erased in his own name' USING ERRCODE = '42501';
    END IF;
    UPDATE stripe_customers SET payment_method_id = NULL
     WHERE user_id = of_user AND payment_method_id IS NOT NULL;
    UPDATE stripe_invoices SET hosted_url = NULL WHERE user_id = of_user AND hosted_url IS NOT NULL;
    -- Stripe names his customer or his account, we our user in metadata.
    UPDATE inbox SET payload = payments.stub_of(payload)
     WHERE NOT payload ? 'erased'
       AND (strpos(payload::text, '"' || of_user || '"') > 0
            OR strpos(payload::text, '"' || customer || '"') > 0
            OR strpos(payload::text, '"' || connected || '"') > 0);
END $$;;

REVOKE EXECUTE ON FUNCTION payments.erase_user(text), payments.stub_of(jsonb) FROM PUBLIC;;
GRANT EXECUTE ON FUNCTION payments.erase_user(text) TO payments_janitor;;
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";;\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
