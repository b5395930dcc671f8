/** `$csv-export`: resources as rows of CSV. https://hl7.org/fhir/R4/operations.html */
import { failure } from '../fhir/outcome.ts';
import { refuseAmbiguous, searchContext } from '../interactions/condition.ts';
import type { Call, Context, Operation } from '../interactions/context.ts';
import { withTerms } from '../interactions/terms.ts';
import type { Criterion } from '../search/criteria.ts';
import { parseSearch } from '../search/query.ts';
import { generalParameters, resultParameters } from '../search/result-parameters.ts';
import type { Position, SearchQuery } from '../store/port.ts';
import { writeCsv } from '../tabular/csv.ts';
import { headerOf } from '../tabular/describe.ts';
import { heldOf, profileCriterion } from './csv/held.ts';
import { csvType, fileHeaders, refuseInBundles } from './csv/media.ts';
import { rowsOf } from './csv/rows.ts';
import { SharedIdentifiers } from './csv/shared-identifiers.ts';
import { type NamedTemplate, templateOf } from './csv/template-source.ts';

/** Rows that are fetched and written together. */
const rowsAtOnce = 200;

/** 200 with the header and a row for each match of the search, in the order of its walk. */
export const csvExport: Operation = {
  name: '$csv-export',
  definition: 'http://osteon.example/OperationDefinition/csv-export',
  levels: ['system'],
  affectsState: false,
  media: [csvType],
  run: async (context, call) => {
    refuseInBundles(call);
    const named = await templateOf(context, call);
    const query = await queryOf(context, call, named);
    // A search that can't be answered is refused; once the first row is out, only the connection can tell.
    const pieces = exported(context, named, query)[Symbol.asyncIterator]();
    const first = call.method === 'HEAD' ? undefined : await pieces.next();
    const headers = { ...fileHeaders(named.template, ''), 'Cache-Control': 'no-store' };
    const contentType = `${csvType}; charset=utf-8; header=present`;
    return { status: 200, stream: withFirst(first, pieces), contentType, headers };
  },
};

async function* withFirst(
  first: IteratorResult<Uint8Array> | undefined,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first === undefined || first.done === true) return;
    yield first.value;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function queryOf(context: Context, call: Call, { template, plain }: NamedTemplate): Promise<SearchQuery> {
  const { type, profile } = template.main;
  const parameters = call.parameters.filter(([name]) => name !== 'profile' && !generalParameters.has(name));
  for (const [name] of parameters) {
    const code = name.split(':')[0] ?? '';
    if (!resultParameters.has(code) || code === '_sort') continue;
    throw failure(
      400,
      'not-supported',
      `${code} does not go with $csv-export; it takes ${type}'s search parameters and _sort.`,
    );
  }
  const searching = searchContext(context, [type], 'strict');
  const { parts, ambiguousIds } = await withTerms(context, searching, (known) => parseSearch(parameters, known));
  await refuseAmbiguous(context, ambiguousIds);
  const own = plain ? undefined : profileCriterion(context, type, [profile]);
  return {
    parts: parts.map((part) => ({
      ...part,
      criterion: own === undefined ? part.criterion : both(own, part.criterion),
    })),
    count: rowsAtOnce,
    total: 'none',
    totalBound: 0,
    budget: context.settings.searchBudget,
  };
}

const both = (one: Criterion, other: Criterion): Criterion => ({ kind: 'and', of: [one, other] });

async function* exported(
  context: Context,
  { template }: NamedTemplate,
  query: SearchQuery,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const shared = new SharedIdentifiers(context);
  let text = headerOf(template);
  let position: Position | undefined;
  do {
    const page = await context.store.search(position === undefined ? query : { ...query, position });
    text += writeCsv(await rowsOf(context, template, page.matches.map(heldOf), shared));
    yield encoder.encode(text);
    text = '';
    position = page.next;
  } while (position !== undefined);
}
