#include "generator.h"

#include "device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Utils.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <vector>

namespace simgpu {
namespace {

constexpr uint64_t kStep = 4;  // CUDA's offset moves in multiples of 4

// SplitMix64: spreads seed and offset over all bits, so that no two streams meet, nor one of the CPU's.
uint64_t mix(uint64_t seed, uint64_t offset) {
  uint64_t z = (seed ^ 0x5851f42d4c957f2dULL) + (offset + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Mirrors at::CUDAGeneratorImpl: the state is 16 bytes, seed and offset, in a CPU tensor of bytes.
class DeviceGenerator final : public c10::GeneratorImpl {
 public:
  DeviceGenerator(c10::DeviceIndex device, uint64_t seed)
      : GeneratorImpl(c10::Device(kDevice, device), c10::DispatchKeySet(kKey)), seed_(seed) {}

  static c10::DeviceType device_type() { return kDevice; }

  void set_current_seed(uint64_t seed) override {
    seed_ = seed;
    offset_ = 0;
  }
  uint64_t current_seed() const override { return seed_; }
  uint64_t seed() override {
    set_current_seed(c10::detail::getNonDeterministicRandom(/*is_cuda=*/false));
    return seed_;
  }
  void set_offset(uint64_t offset) override {
    TORCH_CHECK(offset % kStep == 0, "offset must be a multiple of 4");
    offset_ = offset;
  }
  uint64_t get_offset() const override { return offset_; }

  void set_state(const c10::TensorImpl& state) override {
    at::detail::check_rng_state(state);
    TORCH_CHECK(state.numel() == sizeof seed_ || state.numel() == sizeof seed_ + sizeof offset_, "RNG state is wrong size");
    const auto* bytes = static_cast<const char*>(state.data());
    std::memcpy(&seed_, bytes, sizeof seed_);
    offset_ = 0;
    if (state.numel() > static_cast<int64_t>(sizeof seed_)) std::memcpy(&offset_, bytes + sizeof seed_, sizeof offset_);
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    at::Tensor state = at::empty({sizeof seed_ + sizeof offset_}, at::TensorOptions(at::kByte).device(at::kCPU));
    auto* bytes = static_cast<char*>(state.mutable_data_ptr());
    std::memcpy(bytes, &seed_, sizeof seed_);
    std::memcpy(bytes + sizeof seed_, &offset_, sizeof offset_);
    return state.getIntrusivePtr();
  }

  uint64_t draw_stream_seed() {
    const uint64_t seed = mix(seed_, offset_);
    offset_ += kStep;
    return seed;
  }

 private:
  DeviceGenerator* clone_impl() const override {
    auto* copy = new DeviceGenerator(device_.index(), seed_);
    copy->offset_ = offset_;
    return copy;
  }

  uint64_t seed_;
  uint64_t offset_ = 0;
};

std::vector<at::Generator> make_default_generators() {
  std::vector<at::Generator> generators;
  for (c10::DeviceIndex i = 0; i < kMaxDevices; ++i) {
    generators.push_back(at::make_generator<DeviceGenerator>(i, c10::detail::getNonDeterministicRandom()));
  }
  return generators;
}

}  // namespace

const at::Generator& default_generator(c10::DeviceIndex device) {
  static const std::vector<at::Generator> generators = make_default_generators();
  return generators.at(or_current(device));
}

at::Generator new_generator(c10::DeviceIndex device) {
  return at::make_generator<DeviceGenerator>(or_current(device), c10::default_rng_seed_val);
}

at::Generator next_stream(const at::Generator& generator) {
  auto* impl = at::check_generator<DeviceGenerator>(generator);  // "Expected a 'cuda' device type for generator but ..."
  std::lock_guard<std::mutex> lock(impl->mutex_);
  return at::make_generator<at::CPUGeneratorImpl>(impl->draw_stream_seed());
}

}  // namespace simgpu
