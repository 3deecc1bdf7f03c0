// Power spectrum of 512 real samples, and filter banks on it.
//
// The real transform of length 512 is a complex one of length 256 on even and odd samples (re = x[2n], im = x[2n+1]), computed with
// four radix-4 Stockham passes (no bit reversal), and one pass that separates the two.
#include "CKernels.h"
#include <math.h>

#pragma STDC FP_CONTRACT OFF

#define HALF 256

// Table: for each of the four passes 3 complex twiddles a butterfly (64 butterflies in the widest), then 129 complex for the separation.
#define PASS_TABLE (3 * 2 * (64 + 16 + 4 + 1))
#define SEPARATION_TABLE (2 * (HALF / 2 + 1))
_Static_assert(PASS_TABLE + SEPARATION_TABLE <= fwoc_fft512_table_count, "table too small");

void fwoc_frontend_fft512_prepare(float *table) {
    float *t = table;
    for (int n = HALF; n > 1; n /= 4) {
        for (int p = 0; p < n / 4; p++) {
            for (int k = 1; k <= 3; k++) {
                double angle = -2 * M_PI * p * k / n;
                *t++ = (float)cos(angle);
                *t++ = (float)sin(angle);
            }
        }
    }
    for (int k = 0; k <= HALF / 2; k++) {
        double angle = -2 * M_PI * k / (2 * HALF);
        *t++ = (float)cos(angle);
        *t++ = (float)sin(angle);
    }
}

void fwoc_frontend_power512(const float *table, const float *samples, float *scratch, float *power) {
    // Two ping-pong pairs of planes: real and imaginary parts apart, so that the inner loops vectorise.
    float *re = scratch, *im = scratch + HALF, *re2 = scratch + 2 * HALF, *im2 = scratch + 3 * HALF;
    for (int i = 0; i < HALF; i++) {
        re[i] = samples[2 * i];
        im[i] = samples[2 * i + 1];
    }
    const float *t = table;
    int stride = 1;
    for (int n = HALF; n > 1; n /= 4) {
        int quarter = n / 4;
        for (int p = 0; p < quarter; p++, t += 6) {
            const float c1 = t[0], s1 = t[1], c2 = t[2], s2 = t[3], c3 = t[4], s3 = t[5];
            const float *restrict xr = re + stride * p, *restrict xi = im + stride * p;
            float *restrict yr = re2 + stride * 4 * p, *restrict yi = im2 + stride * 4 * p;
            const int d = stride * quarter;
            for (int q = 0; q < stride; q++) {
                float ar = xr[q], ai = xi[q], br = xr[q + d], bi = xi[q + d];
                float cr = xr[q + 2 * d], ci = xi[q + 2 * d], dr = xr[q + 3 * d], di = xi[q + 3 * d];
                float apc_r = ar + cr, apc_i = ai + ci, amc_r = ar - cr, amc_i = ai - ci;
                float bpd_r = br + dr, bpd_i = bi + di;
                float jr = bi - di, ji = dr - br;  // −i·(b − d)
                float r1 = amc_r + jr, i1 = amc_i + ji;
                float r2 = apc_r - bpd_r, i2 = apc_i - bpd_i;
                float r3 = amc_r - jr, i3 = amc_i - ji;
                yr[q] = apc_r + bpd_r;
                yi[q] = apc_i + bpd_i;
                yr[q + stride] = r1 * c1 - i1 * s1;
                yi[q + stride] = r1 * s1 + i1 * c1;
                yr[q + 2 * stride] = r2 * c2 - i2 * s2;
                yi[q + 2 * stride] = r2 * s2 + i2 * c2;
                yr[q + 3 * stride] = r3 * c3 - i3 * s3;
                yi[q + 3 * stride] = r3 * s3 + i3 * c3;
            }
        }
        float *swap = re;
        re = re2;
        re2 = swap;
        swap = im;
        im = im2;
        im2 = swap;
        stride *= 4;
    }
    // Z[k] = E[k] + i·O[k]; X[k] = E[k] + w^k·O[k], X[256 − k] = conj(E[k] − w^k·O[k]).
    for (int k = 0; k <= HALF / 2; k++) {
        int m = (HALF - k) % HALF;
        float er = 0.5f * (re[k] + re[m]), ei = 0.5f * (im[k] - im[m]);
        float or_ = 0.5f * (im[k] + im[m]), oi = 0.5f * (re[m] - re[k]);
        float c = t[2 * k], s = t[2 * k + 1];
        float wr = or_ * c - oi * s, wi = or_ * s + oi * c;
        float ur = er + wr, ui = ei + wi, lr = er - wr, li = ei - wi;
        power[k] = ur * ur + ui * ui;
        power[HALF - k] = lr * lr + li * li;
    }
}

void fwoc_frontend_filter_bank(const float *power, int32_t filters, const int32_t *start, const int32_t *count, const float *weights, float *out) {
    for (int32_t m = 0; m < filters; m++) {
        const float *bins = power + start[m];
        float sum = 0;
        for (int32_t k = 0; k < count[m]; k++) sum += weights[k] * bins[k];
        weights += count[m];
        out[m] = sum;
    }
}
