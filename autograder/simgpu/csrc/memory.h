// Device memory and pinned memory, both in host memory, counted as CUDA's caching allocator counts.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/Device.h>
#include <c10/core/Storage.h>

#include <cstdint>

namespace simgpu {

struct MemoryStats {
  int64_t allocated = 0;        // bytes in use, in blocks of 512
  int64_t allocated_peak = 0;   // the most since the last reset
  int64_t allocated_total = 0;  // bytes ever given out
  int64_t freed_total = 0;      // bytes ever taken back
  int64_t blocks = 0;           // blocks in use
  int64_t reserved = 0;         // bytes kept from the device, in segments of 2 MiB, until the cache is emptied
  int64_t reserved_peak = 0;
};

void set_memory_limit(int64_t bytes);  // of each device
int64_t memory_limit() noexcept;
MemoryStats memory_stats(c10::DeviceIndex device);
void reset_peaks(c10::DeviceIndex device);
void empty_cache();

c10::Allocator* device_allocator();
c10::Allocator* pinned_allocator();
bool is_pinned(const void* address);

// Gives a result of a CPU kernel to `device` without copying it: the new storage keeps the old one alive.
c10::Storage adopt(const c10::Storage& cpu, c10::DeviceIndex device);

}  // namespace simgpu
