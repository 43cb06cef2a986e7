/** A command could not do what it was asked to do. The message is printed to the user. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}
