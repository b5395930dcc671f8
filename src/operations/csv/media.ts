/** CSV as an answer. https://www.rfc-editor.org/rfc/rfc4180#section-3 */
import { failure } from '../../fhir/outcome.ts';
import type { Call } from '../../interactions/context.ts';
import type { Template } from '../../tabular/template.ts';

export const csvType = 'text/csv';

/** Throws 400 in bundles, whose entries are resources. */
export function refuseInBundles({ media, operation }: Call): void {
  if (media === undefined)
    throw failure(400, 'not-supported', `${operation} answers with CSV, which a bundle can't have.`);
}

/** The headers of a file of a template. */
export function fileHeaders({ name, main }: Template, suffix: string): Readonly<Record<string, string>> {
  const plain = (name === '' ? main.type : name).replaceAll(/[^A-Za-z0-9_-]/g, '_');
  return { 'Content-Disposition': `attachment; filename="${plain}${suffix}.csv"` };
}
