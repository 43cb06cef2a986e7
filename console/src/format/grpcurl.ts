/** Writes the command that calls a method of the admin API, such as `AccountService/GetAccount`, as in the docs. */
export function writeGrpcurl(method: string, request: object): string {
  const json = JSON.stringify(request).replaceAll("'", String.raw`'\''`);
  return `grpcurl -plaintext -H "authorization: Bearer $TOKEN" -d '${json}' \\\n  localhost:8082 weir.admin.v1.${method}`;
}
