export const factor: number = 21;
