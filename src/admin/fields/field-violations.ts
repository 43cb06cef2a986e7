import { invalidArgument } from '../../domain/api-error.ts';
import type { FieldFault } from '../../domain/validation/field-fault.ts';

/** Collects what is wrong with a request, so that the caller learns of all of it at once. */
export class FieldViolations {
  readonly #faults: FieldFault[] = [];

  /** `field` is the path from the request in snake_case, such as `plan.limits[0].name`. */
  add(field: string, description: string): void {
    this.#faults.push({ field, description });
  }

  /**
   * Adds the faults of a nested value. Their fields are relative to `prefix`, which ends with a dot unless it is empty.
   */
  addAll(prefix: string, faults: readonly FieldFault[]): void {
    for (const { field, description } of faults) this.add(prefix + field, description);
  }

  get faults(): readonly FieldFault[] {
    return this.#faults;
  }

  /** Throws `invalid` with all violations that were added so far, if there are any. */
  throwIfAny(): void {
    if (this.#faults.length > 0) throw invalidArgument(...this.#faults);
  }
}
