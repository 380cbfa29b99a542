#include "memory.h"

#include "device.h"

#include <c10/core/impl/alloc_cpu.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace simgpu {
namespace {

constexpr int64_t kBlock = 512;         // kMinBlockSize of CUDACachingAllocator
constexpr int64_t kSegment = 2 << 20;   // kSmallBuffer of CUDACachingAllocator
constexpr double kMiB = 1 << 20;
constexpr double kGiB = 1 << 30;

std::mutex g_mutex;
std::array<MemoryStats, kMaxDevices> g_stats;
int64_t g_limit = int64_t{8} << 30;

int64_t round_up(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

// The text of CUDACachingAllocator's error, as far as there is something to say of host memory.
[[noreturn]] void fail_out_of_memory(c10::DeviceIndex device, int64_t bytes, int64_t in_use) {
  char text[400];
  std::snprintf(
      text, sizeof text,
      "CUDA out of memory. Tried to allocate %.2f %s. GPU %d has a total capacity of %.2f GiB of which %.2f GiB is free. "
      "Of the allocated memory %.2f GiB is allocated by PyTorch. (simulated GPU)",
      bytes >= (1 << 30) ? bytes / kGiB : bytes / kMiB, bytes >= (1 << 30) ? "GiB" : "MiB", (int)device, g_limit / kGiB,
      (g_limit - in_use) / kGiB, in_use / kGiB);
  TORCH_CHECK_WITH(OutOfMemoryError, false, text);
}

void count_allocation(c10::DeviceIndex device, int64_t bytes) {
  std::lock_guard<std::mutex> lock(g_mutex);
  MemoryStats& stats = g_stats[device];
  if (stats.allocated + bytes > g_limit) fail_out_of_memory(device, bytes, stats.allocated);
  stats.allocated += bytes;
  stats.allocated_total += bytes;
  stats.blocks += bytes > 0;
  stats.allocated_peak = std::max(stats.allocated_peak, stats.allocated);
  stats.reserved = std::max(stats.reserved, round_up(stats.allocated, kSegment));
  stats.reserved_peak = std::max(stats.reserved_peak, stats.reserved);
}

void count_release(c10::DeviceIndex device, int64_t bytes) {
  std::lock_guard<std::mutex> lock(g_mutex);
  g_stats[device].allocated -= bytes;
  g_stats[device].freed_total += bytes;
  g_stats[device].blocks -= bytes > 0;
}

// What a block of device memory must give back when its last tensor goes.
struct Block {
  void* owned;        // from alloc_cpu, or null
  c10::Storage kept;  // the CPU storage whose bytes these are, or empty
  int64_t bytes;
  c10::DeviceIndex device;
};

void release(void* context) {
  auto* block = static_cast<Block*>(context);
  count_release(block->device, block->bytes);
  if (block->owned) c10::free_cpu(block->owned);
  delete block;
}

struct DeviceAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t n) override {
    check_context_alive();
    const auto device = current_device();
    const int64_t bytes = round_up(static_cast<int64_t>(n), kBlock);
    count_allocation(device, bytes);
    void* memory = n ? c10::alloc_cpu(n) : nullptr;
    return {memory, new Block{memory, {}, bytes, device}, &release, c10::Device(kDevice, device)};
  }
  void copy_data(void* to, const void* from, size_t n) const override { default_copy_data(to, from, n); }
};

// Page-locked memory is host memory that the hooks recognise by its address.
std::mutex g_pinned_mutex;
std::map<const char*, size_t> g_pinned;

void release_pinned(void* memory) {
  {
    std::lock_guard<std::mutex> lock(g_pinned_mutex);
    g_pinned.erase(static_cast<const char*>(memory));
  }
  c10::free_cpu(memory);
}

struct PinnedAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t n) override {
    const size_t bytes = std::max<size_t>(n, 1);
    void* memory = c10::alloc_cpu(bytes);
    std::lock_guard<std::mutex> lock(g_pinned_mutex);
    g_pinned[static_cast<const char*>(memory)] = bytes;
    return {memory, memory, &release_pinned, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release_pinned; }
  void copy_data(void* to, const void* from, size_t n) const override { default_copy_data(to, from, n); }
};

}  // namespace

void set_memory_limit(int64_t bytes) {
  std::lock_guard<std::mutex> lock(g_mutex);
  g_limit = bytes;
}

int64_t memory_limit() noexcept { return g_limit; }

MemoryStats memory_stats(c10::DeviceIndex device) {
  std::lock_guard<std::mutex> lock(g_mutex);
  return g_stats.at(device);
}

void reset_peaks(c10::DeviceIndex device) {
  std::lock_guard<std::mutex> lock(g_mutex);
  MemoryStats& stats = g_stats.at(device);
  stats.allocated_peak = stats.allocated;
  stats.reserved_peak = stats.reserved;
}

void empty_cache() {
  std::lock_guard<std::mutex> lock(g_mutex);
  for (MemoryStats& stats : g_stats) stats.reserved = round_up(stats.allocated, kSegment);
}

c10::Allocator* device_allocator() {
  static DeviceAllocator allocator;
  return &allocator;
}

c10::Allocator* pinned_allocator() {
  static PinnedAllocator allocator;
  return &allocator;
}

bool is_pinned(const void* address) {
  const auto* byte = static_cast<const char*>(address);
  std::lock_guard<std::mutex> lock(g_pinned_mutex);
  auto next = g_pinned.upper_bound(byte);
  if (next == g_pinned.begin()) return false;
  const auto& [start, size] = *std::prev(next);
  return byte < start + size;
}

c10::Storage adopt(const c10::Storage& cpu, c10::DeviceIndex device) {
  const int64_t bytes = round_up(static_cast<int64_t>(cpu.nbytes()), kBlock);
  count_allocation(device, bytes);
  c10::DataPtr data(cpu.mutable_data(), new Block{nullptr, cpu, bytes, device}, &release, c10::Device(kDevice, device));
  return {c10::Storage::use_byte_size_t(), cpu.nbytes(), std::move(data), device_allocator(), /*resizable=*/true};
}

}  // namespace simgpu
