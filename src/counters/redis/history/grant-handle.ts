/**
 * Where the history keeps the grants of a counter. The owner of a charge's `storeHandle` extends it, so that the history
 * finds the counter of the charge without a search.
 */
export class GrantHandle {
  /** Page in which the counter was found last; 0: in none. */
  grantPage = 0;
  /** Its counter there. */
  grantCounter = 0;
}
