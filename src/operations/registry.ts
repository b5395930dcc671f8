/** The operations of this server: the capability statement and the router read this list. https://hl7.org/fhir/R4/operations.html */
import type { Operation } from '../interactions/context.ts';
import { csvExport } from './csv-export.ts';
import { csvImport } from './csv-import.ts';
import { csvTemplate } from './csv-template.ts';
import { expand } from './expand.ts';
import { lookup } from './lookup.ts';
import { meta } from './meta.ts';
import { metaAdd, metaDelete } from './meta-change.ts';
import { reindex, reindexStatus } from './reindex.ts';
import { stats } from './stats.ts';
import { subsumes } from './subsumes.ts';
import { translate } from './translate.ts';
import { validate } from './validate.ts';
import { validateCodeInCodeSystem, validateCodeInValueSet } from './validate-code.ts';
import { versions } from './versions.ts';

export const operations: readonly Operation[] = [
  csvTemplate,
  csvImport,
  csvExport,
  versions,
  meta,
  metaAdd,
  metaDelete,
  reindex,
  reindexStatus,
  stats,
  validate,
  expand,
  validateCodeInValueSet,
  validateCodeInCodeSystem,
  lookup,
  subsumes,
  translate,
];
