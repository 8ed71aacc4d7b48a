/** `whole`: the model with the interventions inside. `segment`: the nodes between neighbouring cuts. */
export type ProgramKind = 'whole' | 'segment' | 'intervention';

/** A `call` is a segment of the model that runs on other values. */
export type DispatchKind = ProgramKind | 'call';
