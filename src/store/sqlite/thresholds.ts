/** Where one way to read a search becomes dearer than another. https://hl7.org/fhir/R4/search.html */

export interface Thresholds {
  /** The limits of counting hits, one after the other, until some criterion stays below. */
  readonly probes: readonly number[];
  /** Hits up to which reading and sorting them all costs less than looking for them in the order of an index. */
  readonly sorted: number;
  /** Kept versions up to which all are looked at, not those that the criterion's index names. */
  readonly kept: number;
  /** Resources that a chain lists; of more each that is referred to is tested. */
  readonly listed: number;
  /** Rows that are counted without looking at the time. */
  readonly unwatched: number;
  /** Rows that are surely counted in a millisecond: so many more are counted without looking at it as there is time. */
  readonly counted: number;
  /** Rows that a total is counted by, one by one, without thinking of other ways. */
  readonly few: number;
  /** Rows that are read once for page and total, where a criterion gives them in no order of its own. */
  readonly gathered: number;
}

/** For a search that is read at once. At three million resources both ways cost some milliseconds at these numbers. */
export const quickThresholds: Thresholds = {
  probes: [64, 1024, 8192],
  sorted: 8192,
  kept: 300,
  listed: 1000,
  // 1 ms: longer ones are counted in another thread.
  unwatched: 16_000,
  counted: 0,
  few: 8192,
  gathered: 1024,
};

/** For a search that turned out to take long: counting further pays. */
export const thoroughThresholds: Thresholds = {
  probes: [64, 1024, 8192, 131_072],
  // As far as was counted: an order of which the matches have the end, or no values at all, is read through for nothing,
  // which takes minutes where sorting so many takes half a second.
  sorted: 131_072,
  kept: 300,
  // Twenty thousand take half a second, where to test the few resources that another criterion finds takes milliseconds.
  listed: 5_000,
  // 60 to 150 ms.
  unwatched: 2_000_000,
  // It takes 30 to 80 ns.
  counted: 5_000,
  few: 8192,
  gathered: 1024,
};
