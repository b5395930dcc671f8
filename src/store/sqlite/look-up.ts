/**
 * Looks up the numbers that stand for types, parameters, systems, codes, units and resources, for readers.
 * https://hl7.org/fhir/R4/search.html#token
 *
 * A number never changes, so what was found is remembered; what wasn't found may be there tomorrow, so it isn't. Inside
 * another's transaction nothing must be remembered: a number may be taken back with it.
 */
import type { Parameter } from '../../search/criteria.ts';
import type { StoredUnit } from '../../search/units.ts';
import { BoundedCache } from './bounded-cache.ts';
import { afterPrefix } from './compile/prefix.ts';
import { KnownResources } from './known-resources.ts';
import type { Database, SqlValue, Statement } from './open.ts';

const remembered = 5_000;

interface Pattern {
  readonly number: number;
  readonly parameters: ReadonlySet<number>;
}

/** A unit of stored quantities. */
export interface NumberedUnit extends StoredUnit {
  readonly number: number;
}

export class LookUp {
  readonly resources: KnownResources;
  #remembers = true;
  readonly #numbers = new BoundedCache<number>(remembered);
  readonly #textOf = new BoundedCache<string>(remembered);
  readonly #patterns = new Map<number, Pattern[]>();
  #newestPattern = 0;
  readonly #knownUnits: NumberedUnit[] = [];
  readonly #type: Statement;
  readonly #parameter: Statement;
  readonly #parameterOf: Statement;
  readonly #system: Statement;
  readonly #codes: Statement;
  readonly #codesOfSystem: Statement;
  readonly #manyCodes: Statement;
  readonly #manyCodesOfSystem: Statement;
  readonly #manyFoldedCodes: Statement;
  readonly #manyFoldedCodesOfSystem: Statement;
  readonly #codesBeginning: Statement;
  readonly #foldedCodesBeginning: Statement;
  readonly #foldedCodes: Statement;
  readonly #foldedCodesOfSystem: Statement;
  readonly #moreUnits: Statement;
  readonly #texts: Statement;
  readonly #morePatterns: Statement;

  constructor(db: Database) {
    this.resources = new KnownResources(db);
    this.#type = db.prepare('SELECT num FROM type WHERE name = ?');
    this.#parameter = db.prepare("SELECT num FROM parameter WHERE type = ? AND code = ? AND state = 'current'");
    this.#parameterOf = db.prepare('SELECT num FROM parameter WHERE type = ? AND code = ? AND definition = ?');
    this.#system = db.prepare('SELECT num FROM system WHERE uri = ?');
    this.#codes = db.prepare('SELECT num FROM code WHERE value = ?');
    this.#codesOfSystem = db.prepare('SELECT num FROM code WHERE value = ? AND system = ?');
    const many = 'SELECT json_group_array(c.num) FROM json_each(?) j CROSS JOIN code c ON c.value = j.value';
    this.#manyCodes = db.prepare(many);
    this.#manyCodesOfSystem = db.prepare(`${many} AND c.system = ?`);
    const manyFolded =
      'SELECT json_group_array(c.num) FROM json_each(?) j CROSS JOIN code c INDEXED BY code_by_folded ON c.folded = j.value';
    this.#manyFoldedCodes = db.prepare(manyFolded);
    this.#manyFoldedCodesOfSystem = db.prepare(`${manyFolded} AND c.system = ?`);
    const beginning = (column: string) =>
      `SELECT num FROM code WHERE ${column} >= ?1 AND ${column} < ?2 AND (?3 IS NULL OR system = ?3)`;
    this.#codesBeginning = db.prepare(beginning('value'));
    this.#foldedCodesBeginning = db.prepare(beginning('folded'));
    this.#foldedCodes = db.prepare('SELECT num FROM code INDEXED BY code_by_folded WHERE folded = ?');
    this.#foldedCodesOfSystem = db.prepare(
      'SELECT num FROM code INDEXED BY code_by_folded WHERE folded = ? AND system = ?',
    );
    this.#moreUnits = db.prepare(`SELECT u.num, coalesce(s.uri, ''), u.code, u.unit
      FROM unit u LEFT JOIN system s ON s.num = u.system WHERE u.num > ? ORDER BY u.num`);
    this.#texts = db.prepare('SELECT c.num, c.value FROM json_each(?) j CROSS JOIN code c ON c.num = j.value');
    this.#morePatterns = db.prepare('SELECT num, type, params FROM pattern WHERE num > ?');
  }

  /** Whether what is found is committed, so that it may be remembered. */
  get remembers(): boolean {
    return this.#remembers;
  }

  set remembers(remembers: boolean) {
    this.#remembers = remembers;
    this.resources.remembers = remembers;
  }

  /** The number of a resource type; undefined where there never was such a resource. */
  type(name: string): number | undefined {
    return this.#one(`type ${name}`, this.#type, name);
  }

  /** The number of a type's search parameter, the one of a definition if it names one; undefined where it isn't indexed. */
  parameter({ type, code, definition }: Pick<Parameter, 'type' | 'code' | 'definition'>): number | undefined {
    const typeNumber = this.type(type);
    if (typeNumber === undefined) return undefined;
    if (definition !== undefined) {
      const key = `parameter ${typeNumber} ${code} ${definition}`;
      return this.#one(key, this.#parameterOf, typeNumber, code, definition);
    }
    return this.#one(`parameter ${typeNumber} ${code}`, this.#parameter, typeNumber, code);
  }

  /** The number of a code system or an identifier's system; 0 for none (''). */
  system(uri: string): number | undefined {
    return uri === '' ? 0 : this.#one(`system ${uri}`, this.#system, uri);
  }

  /** The numbers of a code in any system or in one; `folded`: compared without case, with the code folded already. */
  codes(code: string, system: number | undefined, folded: boolean): readonly number[] {
    // New codes of other systems, or in another case, may come at any time, so only the exact pair is remembered.
    if (!folded && system !== undefined) {
      const number = this.#one(`code ${system} ${code}`, this.#codesOfSystem, code, system);
      return number === undefined ? [] : [number];
    }
    const rows =
      system === undefined
        ? (folded ? this.#foldedCodes : this.#codes).all(code)
        : this.#foldedCodesOfSystem.all(code, system);
    return numbers(rows);
  }

  /** The numbers of many codes, in any system or in one; `folded`: compared without case, with the codes folded already. */
  manyCodes(codes: readonly string[], system: number | undefined, folded: boolean): readonly number[] {
    const list = JSON.stringify(codes);
    if (system === undefined) return listed(folded ? this.#manyFoldedCodes : this.#manyCodes, list);
    return listed(folded ? this.#manyFoldedCodesOfSystem : this.#manyCodesOfSystem, list, system);
  }

  /** The numbers of the codes that begin with a text, in any system or in one; `folded` as for `codes`. */
  codesBeginning(text: string, system: number | undefined, folded: boolean): readonly number[] {
    const statement = folded ? this.#foldedCodesBeginning : this.#codesBeginning;
    return numbers(statement.all(text, afterPrefix(text) ?? text, system ?? null));
  }

  /** All units, by rising numbers; number 0, no unit at all, isn't among them. */
  units(): readonly NumberedUnit[] {
    const known = this.#knownUnits;
    const fresh = this.#moreUnits.all(known.at(-1)?.number ?? 0).map(([number, system, code, unit]): NumberedUnit => {
      return { number: Number(number), system: String(system), code: String(code), unit: String(unit) };
    });
    if (!this.remembers) return [...known, ...fresh];
    known.push(...fresh);
    return known;
  }

  /** The texts of codes. */
  textsOf(codes: readonly number[]): readonly (readonly [number, string])[] {
    const unknown = codes.filter((code) => this.#textOf.get(String(code)) === undefined);
    const found = new Map<number, string>();
    if (unknown.length > 0) {
      for (const [number, text] of this.#texts.all(JSON.stringify(unknown))) {
        found.set(Number(number), String(text));
        if (this.remembers) this.#textOf.set(String(number), String(text));
      }
    }
    return codes.map((code) => [code, found.get(code) ?? this.#textOf.get(String(code)) ?? ''] as const);
  }

  /** The patterns of a type whose resources have (or don't have) values of a parameter, rising. */
  patterns(type: number, parameter: number | undefined, present: boolean): readonly number[] {
    return this.#patternsOf(type)
      .filter(({ parameters }) => (parameter !== undefined && parameters.has(parameter)) === present)
      .map(({ number }) => number);
  }

  #patternsOf(type: number): readonly Pattern[] {
    const rows = this.#morePatterns.all(this.#newestPattern);
    const fresh: Pattern[] = [];
    for (const [number, of, parameters] of rows) {
      const pattern = { number: Number(number), parameters: new Set<number>(JSON.parse(String(parameters))) };
      if (of === type) fresh.push(pattern);
      if (!this.remembers) continue;
      this.#newestPattern = Math.max(this.#newestPattern, pattern.number);
      const list = this.#patterns.get(Number(of)) ?? [];
      list.push(pattern);
      this.#patterns.set(Number(of), list);
    }
    const known = this.#patterns.get(type) ?? [];
    return this.remembers ? known : [...known, ...fresh];
  }

  #one(key: string, statement: Statement, ...values: readonly SqlValue[]): number | undefined {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const found = statement.get(...values)?.[0];
    if (found === undefined) return undefined;
    const number = Number(found);
    if (this.remembers) this.#numbers.set(key, number);
    return number;
  }
}

function numbers(rows: readonly (readonly SqlValue[])[]): readonly number[] {
  return rows.map(([number]) => Number(number));
}

/** The numbers that a statement gives as one text: a thousand rows take the binding longer than SQLite takes to find them. */
function listed(statement: Statement, ...values: readonly SqlValue[]): readonly number[] {
  return JSON.parse(String(statement.get(...values)?.[0]));
}
