// Random numbers of a simulated device: a seed and an offset, as CUDA's Philox generator keeps them.
#pragma once

#include <ATen/core/Generator.h>

namespace simgpu {

const at::Generator& default_generator(c10::DeviceIndex device);  // seeded from the operating system, as on CUDA
at::Generator new_generator(c10::DeviceIndex device);             // torch.Generator(device="cuda")

// A CPU generator for one random operation, drawn from the stream of `generator`, which moves on.
at::Generator next_stream(const at::Generator& generator);

}  // namespace simgpu
