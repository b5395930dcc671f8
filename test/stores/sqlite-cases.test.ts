/** Random searches of the embedded store, read as it chooses, by indexes and by sorting. https://hl7.org/fhir/R4/search.html */
import { caseRules } from '../contract/cases.ts';
import { criteriaCases } from '../search/cases.ts';
import { byIndexes, bySorting, choosing, inMemory } from './reading.ts';

caseRules([inMemory, choosing(byIndexes), choosing(bySorting)], 20, criteriaCases);
