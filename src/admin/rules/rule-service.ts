import type { ListRules } from '../../domain/rules/listed-rules.ts';
import type { RuleServiceService } from '../../generated/weir/admin/v1/rule_service.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { toRuleMessage, toRulesStateMessage } from './rule-message.ts';

export interface RuleServiceOptions {
  readonly listRules: ListRules;
  readonly authenticate: Authenticate;
}

/** The number of rules up to a rule, which is last on its page, and the version of the rules. */
const POSITION = /^(\d{1,9})@([0-9a-f]*)$/;

/** Lists the rules that this node decides by. For administrators only. */
export function createRuleService({ listRules, authenticate }: RuleServiceOptions): Handlers<RuleServiceService> {
  return {
    async listRules({ domain, pageSize, pageToken }, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      const page = readPage(
        violations,
        { method: 'RuleService/ListRules', ids: (id) => POSITION.test(id) },
        { pageSize, pageToken, filter: domain },
      );
      violations.throwIfAny();
      const [, offsetText = '0', version] = POSITION.exec(page.after) ?? [];
      const offset = Number(offsetText);
      const question = { domain: domain === '' ? undefined : domain, offset, size: page.size + 1, version };
      const { rules, state, files, domains, countStartTime } = await listRules(question);
      const rows = rules.map((rule, index) => ({ id: `${offset + index + 1}@${state.version}`, rule }));
      const { items, nextPageToken } = splitPage(rows, page);
      return {
        rules: items.map(({ rule }) => toRuleMessage(rule)),
        nextPageToken,
        state: toRulesStateMessage(state, files, domains),
        countStartTime,
      };
    },
  };
}
