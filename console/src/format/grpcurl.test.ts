import { expect, it } from 'vitest';
import { writeGrpcurl } from './grpcurl.ts';

it('writes a command whose request a shell passes on unchanged', () => {
  expect(writeGrpcurl('AccountService/ListAccounts', { filter: `email : "o'brien"` })).toBe(
    String.raw`grpcurl -plaintext -H "authorization: Bearer $TOKEN" -d '{"filter":"email : \"o'\''brien\""}' \
  localhost:8082 weir.admin.v1.AccountService/ListAccounts`,
  );
});
