/*
 * Pictures of what traces give: heat maps, attention patterns, lines, points, coloured tokens, diagrams. Each function
 * gives a picture to save as SVG, or to show in a notebook. They draw with Vega-Lite (npm install vega vega-lite).
 */

export { type Diagram, type DiagramEdge, type DiagramNode, diagram } from './diagram.ts';
export { type HeatMap, heatMap, printHeatMap } from './heat-map.ts';
export { type Line, type Lines, lines } from './lines.ts';
export { type AttentionPatterns, attentionPatterns, type Panel, type Panels, panels } from './panels.ts';
export type { Heading, Picture } from './picture.ts';
export { type Points, points } from './points.ts';
export { type ColoredTokens, coloredTokens } from './tokens.ts';
export type { Matrix, Vector } from './values.ts';
