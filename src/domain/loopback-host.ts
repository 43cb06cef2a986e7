/** Whether only programs on this machine reach a host. An IPv6 address may be in brackets, as in a URL. */
export function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}
