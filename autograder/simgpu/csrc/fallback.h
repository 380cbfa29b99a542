#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

namespace simgpu {

// The kernel of every operation that has none of its own: checks the devices as CUDA would, shows the arguments to the
// CPU kernel as CPU tensors over the same bytes, and gives its results to the device.
void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack);

}  // namespace simgpu
