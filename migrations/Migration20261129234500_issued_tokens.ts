import { Migration } from '@mikro-orm/migrations';

/**
 * Adds the stateless tokens of administrators that are in force. They are revoked when the account that issued them is
 * deleted, disabled or no longer an administrator's, and leave the table when they are revoked.
 */
export class Migration20261129234500_issued_tokens extends Migration {
  override up(): void {
    this.addSql(`
      create table issued_token (
        id text primary key,
        account text not null,
        role text not null,
        issued_by text not null,
        create_time timestamptz not null,
        expire_time timestamptz not null
      )`);
    this.addSql(`create index issued_token_issued_by on issued_token (issued_by)`);
    this.addSql(`create index issued_token_expire_time on issued_token (expire_time)`);
    // The id of a revocation is that of record-revocation.ts.
    this.addSql(`
      create function revoke_issued_tokens(issuer text, issued_before timestamptz) returns void language sql as $$
        insert into revocation (id, issuer_id, kind, value, issued_before, expire_time, create_time)
        select encode(sha256(convert_to(format('[null,"token","%s",null]', token.id), 'UTF8')), 'hex'),
          null, 'token', token.id, null, token.expire_time, now()
        from issued_token token
        where token.issued_by = $1 and token.create_time < $2 and token.expire_time > now()
        on conflict (id) do nothing
      $$`);
    // Read as JSON, because later versions add columns that end an account.
    this.addSql(`
      create function revoke_tokens_of_account() returns trigger language plpgsql as $$
      declare
        before jsonb := to_jsonb(old);
        after jsonb := case tg_op when 'DELETE' then '{}' else to_jsonb(new) end;
      begin
        if after->>'role' is distinct from before->>'role'
          or (after->>'disabled' = 'true' and before->>'disabled' is distinct from 'true')
          or (after->>'delete_time' is not null and before->>'delete_time' is null)
        then
          perform revoke_issued_tokens(old.id, 'infinity');
        end if;
        return null;
      end $$`);
    this.addSql(`
      create trigger account_issued_tokens after update or delete on account
      for each row execute function revoke_tokens_of_account()`);
    this.addSql(`
      create function forget_issued_tokens() returns trigger language plpgsql as $$
      begin
        if new.issuer_id is not null then return null; end if;
        if new.kind = 'token' then delete from issued_token where id = new.value; end if;
        if new.kind = 'account' then
          delete from issued_token
          where account = new.value and create_time < coalesce(new.issued_before, 'infinity');
        end if;
        return null;
      end $$`);
    this.addSql(`create index issued_token_account on issued_token (account)`);
    this.addSql(`
      create trigger revocation_issued_tokens after insert or update on revocation
      for each row execute function forget_issued_tokens()`);
  }

  override down(): void {
    this.addSql(`drop trigger revocation_issued_tokens on revocation`);
    this.addSql(`drop function forget_issued_tokens()`);
    this.addSql(`drop trigger account_issued_tokens on account`);
    this.addSql(`drop function revoke_tokens_of_account()`);
    this.addSql(`drop function revoke_issued_tokens(text, timestamptz)`);
    this.addSql(`drop table issued_token`);
  }
}
