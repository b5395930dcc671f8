/** What the server has acknowledged, and what is open because it died before it answered. https://hl7.org/fhir/R4/http.html#versions */

/** A Patient that one writer owns. Its identifier under `urn:soak:marker` is another one in each version. */
export interface Tracked {
  readonly id: string;
  /** The marker of each acknowledged version, null for a deletion. Version 1 stands first. */
  readonly versions: (string | null)[];
  /** A write that was sent and never answered. */
  open?: { readonly marker: string | null } | undefined;
  /** Looked at since it was last written. */
  verified: boolean;
}

/** A transaction: Observations with its marker, and a new version of a Patient with the same one. */
export interface TrackedTransaction {
  readonly marker: string;
  readonly observations: number;
  readonly patient: Tracked;
  /** Undefined: it was never answered. */
  acknowledged: boolean | undefined;
}

export interface Ledger {
  readonly patients: Tracked[];
  readonly transactions: TrackedTransaction[];
  /** Markers of creates that were never answered. */
  readonly openCreates: string[];
  /** Values that several writers created on condition, and the ids they were told. */
  readonly conditional: Map<string, Set<string>>;
  acknowledged: number;
  open: number;
  openDone: number;
}

export function createLedger(): Ledger {
  return {
    patients: [],
    transactions: [],
    openCreates: [],
    conditional: new Map(),
    acknowledged: 0,
    open: 0,
    openDone: 0,
  };
}

/** The current marker: undefined where the last version is a deletion. */
export function currentMarker({ versions }: Tracked): string | undefined {
  return versions.at(-1) ?? undefined;
}
