/** A command could not do what it was asked; the message is for whoever gave it. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}
