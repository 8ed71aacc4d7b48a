import type { DType } from './dtypes.ts';
import type { Site } from './site.ts';

/** The version of the format that is written; others are refused. */
export const GRAPH_VERSION = 1;

/** A value of a graph as JSON. Sizes are null where only the run tells them; the shape is, where not even their number is known. */
export interface ValueJson {
  id: number;
  dtype: DType;
  shape: (number | null)[] | null;
}

/** What JSON can say. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A node as JSON: its inputs are the ids of values. */
interface NodeJson {
  op: string;
  inputs: number[];
  attributes: Record<string, Json>;
  outputs: ValueJson[];
  regions: RegionJson[];
  /** A line of a user's program; null where it is not known. */
  site: Site | null;
}

/** A node as it may be written by hand: what is not there is empty. */
export interface GivenNodeJson extends Omit<Partial<NodeJson>, 'regions' | 'op'> {
  op: string;
  regions?: GivenRegionJson[];
}

/** A region as it may be written by hand. */
export interface GivenRegionJson extends Omit<Partial<RegionJson>, 'nodes'> {
  nodes: GivenNodeJson[];
}

/** Nodes in the order in which they run, as JSON. */
export interface RegionJson {
  parameters: ValueJson[];
  nodes: NodeJson[];
  results: number[];
}

/** An intervention graph as JSON. */
export interface GraphJson {
  readonly format: 'onnsight-graph';
  readonly version: typeof GRAPH_VERSION;
  root: RegionJson;
  saves: { name: string; value: number }[];
  operands: {
    value: number;
    dims: number[];
    /** Numbers, or strings of digits for 64-bit integers, which JSON's numbers cannot hold. */
    data: (number | string)[];
  }[];
}
