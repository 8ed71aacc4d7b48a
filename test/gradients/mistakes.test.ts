import { argmax, backward, detach, grad, NNsight, round, save, sum, TraceError, zerosLike } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
