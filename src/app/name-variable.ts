/** Names the variable in the error of a server that cannot start. Mostly another process uses its port. */
export async function nameVariable<Server>(variable: string, starting: Promise<Server>): Promise<Server> {
  try {
    return await starting;
  } catch (error) {
    throw new Error(`${variable}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
