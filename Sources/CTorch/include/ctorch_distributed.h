// SPDX-License-Identifier: Apache-2.0
//
// Several processes, on one machine or on several, that train together: libtorch's gloo engine. Included by ctorch.h, whose rules hold here too.
//
// Every process calls the same functions in the same order. A process that has ended, hangs or calls something else gives the others an error within
// the timeout; the group is broken then, and every later call fails with the same reason. One thread at a time uses a group.

#ifndef CTORCH_DISTRIBUTED_H
#define CTORCH_DISTRIBUTED_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_group ctorch_group;

// Whether this build has the engine. Without it every function below fails and says why.
bool ctorch_has_groups(void);
// Meets the other processes at host:port, where rank 0 listens. Waits for all `size` of them, at most `timeout` seconds; later calls wait as long.
ctorch_status ctorch_group_create(const char *_Nonnull host, int32_t port, int32_t rank, int32_t size, double timeout, ctorch_group *_Nullable *_Nonnull out);
void ctorch_group_release(ctorch_group *_Nullable group);
// The gradient of each weight becomes the sum over all processes, the same bits on each. A process without a gradient counts as zeros; where none has
// one, there is none afterwards.
ctorch_status ctorch_group_sum_gradients(ctorch_group *_Nonnull group, ctorch_tensor *_Nonnull const *_Nonnull weights, int32_t count);
// Every tensor becomes scale · its sum over all processes, in place. Floating-point, one type.
ctorch_status ctorch_group_sum(ctorch_group *_Nonnull group, ctorch_tensor *_Nonnull const *_Nonnull tensors, int32_t count, double scale);
// Every tensor becomes that of rank 0, in place.
ctorch_status ctorch_group_broadcast(ctorch_group *_Nonnull group, ctorch_tensor *_Nonnull const *_Nonnull tensors, int32_t count);
// Returns when every process has called it.
ctorch_status ctorch_group_barrier(ctorch_group *_Nonnull group);
// [size, …]: the tensors of all processes, of one shape and type, in the order of their ranks; on the processor.
ctorch_status ctorch_group_gather(ctorch_group *_Nonnull group, ctorch_in x, ctorch_out out);

#ifdef __cplusplus
}
#endif
#endif
