// SPDX-License-Identifier: Apache-2.0
//
// Memory of tensors on the processor. A training step allocates and frees the same activations again and again; the C library gives each of them
// back to the system and gets it anew, page by page and zeroed, which costs a MobileFaceNet a third of its step. Here large tensors come from regions
// that are kept, in huge pages where the system has them. libtorch's CUDA has such an allocator of its own; this can go when its processor has one.

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <torch/csrc/api/include/torch/version.h>

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

#include "shim.h"

namespace {

constexpr size_t smallest = 256 << 10, quantum = 4 << 10, huge = 2 << 20, region_size = 128 << 20;

size_t rounded(size_t size, size_t to) { return (size + to - 1) / to * to; }

// Regions of memory, cut into runs that are free or not; neighbouring free runs are always one. The smallest free run that is large enough is taken.
class Regions {
public:
    void *take(size_t size) {
        size = rounded(size, quantum);
        std::lock_guard<std::mutex> lock(mutex_);
        auto best = free_.lower_bound({size, nullptr});
        if (best == free_.end()) {
            if (!grow(size)) return nullptr;
            best = free_.lower_bound({size, nullptr});
        }
        char *at = best->second;
        Run &run = runs_.at(at);
        free_.erase(best);
        if (run.size > size) {
            runs_[at + size] = Run{run.size - size, run.region, true};
            free_.insert({run.size - size, at + size});
            run.size = size;
        }
        run.is_free = false;
        return at;
    }

    // Whether the pointer was one of ours.
    bool give(void *pointer) {
        std::lock_guard<std::mutex> lock(mutex_);
        auto run = runs_.find(static_cast<char *>(pointer));
        if (run == runs_.end()) return false;
        run->second.is_free = true;
        const auto next = std::next(run);
        if (next != runs_.end() && next->second.is_free && next->second.region == run->second.region) {
            free_.erase({next->second.size, next->first});
            run->second.size += next->second.size;
            runs_.erase(next);
        }
        if (run != runs_.begin()) {
            const auto before = std::prev(run);
            if (before->second.is_free && before->second.region == run->second.region) {
                free_.erase({before->second.size, before->first});
                before->second.size += run->second.size;
                runs_.erase(run);
                run = before;
            }
        }
        // A region of its own for something very large goes back at once; others stay for the next step.
        if (run->first == run->second.region && run->second.size > region_size) {
            munmap(run->first, run->second.size);
            runs_.erase(run);
            return true;
        }
        free_.insert({run->second.size, run->first});
        return true;
    }

private:
    struct Run {
        size_t size;
        // Where its region begins.
        char *region;
        bool is_free;
    };

    bool grow(size_t size) {
        const size_t length = size > region_size ? rounded(size, huge) : region_size;
        // Room to begin at the edge of a huge page.
        void *given = mmap(nullptr, length + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (given == MAP_FAILED) return false;
        char *begin = static_cast<char *>(given), *region = reinterpret_cast<char *>(rounded(reinterpret_cast<size_t>(begin), huge));
        if (region > begin) munmap(begin, static_cast<size_t>(region - begin));
        if (begin + huge > region) munmap(region + length, static_cast<size_t>(begin + huge - region));
        madvise(region, length, MADV_HUGEPAGE);
        runs_[region] = Run{length, region, true};
        free_.insert({length, region});
        return true;
    }

    std::mutex mutex_;
    std::map<char *, Run> runs_;
    std::set<std::pair<size_t, char *>> free_;
};

// Never destroyed: tensors of static duration are freed after everything else.
Regions &regions() {
    static Regions *const shared = new Regions();
    return *shared;
}

void give(void *pointer) {
    if (pointer && !regions().give(pointer)) std::free(pointer);
}

struct KeepingAllocator final : public c10::Allocator {
#if TORCH_VERSION_MAJOR >= 2
    at::DataPtr allocate(size_t size) override { return make(size); }
    void copy_data(void *to, const void *from, size_t count) const override { std::memcpy(to, from, count); }
#else
    at::DataPtr allocate(size_t size) const override { return make(size); }
#endif

    at::DeleterFnPtr raw_deleter() const override { return &give; }

    static at::DataPtr make(size_t size) {
        void *pointer = nullptr;
        if (size >= smallest) {
            pointer = regions().take(size);
            if (!pointer) throw std::bad_alloc();
        } else if (size > 0 && posix_memalign(&pointer, 64, size) != 0) {
            throw std::bad_alloc();
        }
        return {pointer, pointer, &give, at::Device(at::kCPU)};
    }
};

KeepingAllocator keeping;

// Before the first tensor. Another library that sets an allocator of higher priority has its way.
const bool is_set = (c10::SetCPUAllocator(&keeping, 1), true);

}  // namespace
