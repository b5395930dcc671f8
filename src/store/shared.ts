/** What processes that have one store open at the same time need of it. https://hl7.org/fhir/R4/http.html */

/** Under this name search parameters are declared and their index is filled: see `SharedStore.alone`. */
export const parametersLease = 'search parameters';

export interface SharedStore {
  /**
   * Acts while no other process acts under that name; waits for one that does. A process that has ended, or can't reach
   * the store, is waited for some seconds. Throws StoreUnavailable where it takes a minute.
   */
  alone<T>(name: string, act: () => Promise<T>): Promise<T>;

  /** The same without waiting: undefined, at once, where another process acts under that name. */
  ifAlone<T>(name: string, act: () => Promise<T>): Promise<{ readonly result: T } | undefined>;

  /** Whenever another process has changed search parameters, `changed` is called, within seconds. */
  onParameters(changed: () => void): void;

  /**
   * Takes over what other processes have changed: `Store.parameters` is then as the store has it. Resolves to the current
   * SearchParameter resources, the oldest change first; to undefined where no other process has changed search parameters
   * since the opening or the last call.
   */
  renewParameters(): Promise<readonly { readonly id: string; readonly body: Uint8Array }[] | undefined>;
}
