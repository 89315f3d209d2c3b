/* An OSDI 0.3 library written by hand: a conductance that remembers.

   I(a, c) = g V(a, c) + k, where k is the integral of V(a, c) over the steps of $abstime that it
   was evaluated at. No compiler is asked; layout and order are those of the specification. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { char **names; double *vals; char **names_str; char **vals_str; } Paras;
typedef struct { Paras paras; double abstime; double *prev_solve, *prev_state, *next_state; uint32_t flags; } Info;
typedef struct { uint32_t code, parameter; } Error;
typedef struct { uint32_t flags, num_errors; Error *errors; } Init;
typedef struct { uint32_t a, b; } Pair;
typedef struct { Pair nodes; uint32_t react, flags; } Entry;
typedef struct { char *name, *units, *residual_units; uint32_t r, q, lr, lq; bool flow; } Node;
typedef struct { char **name; uint32_t aliases; char *description, *units; uint32_t flags, len; } Param;
typedef struct { double g; bool given; } Model;
typedef struct { uint32_t map[2]; bool given; double *jac[4]; double g, k, last, m, volts, residual; } Inst;

static void *access(void *inst, void *model, uint32_t id, uint32_t flags) {
  if (id == 0) return &((Model *)model)->g;
  if (id == 1) return (flags & 4) ? (void *)&((Inst *)inst)->m : NULL;
  return &((Inst *)inst)->k;
}
static Error error = {1, 0};
static void setup_model(void *h, void *model, Paras *p, Init *res) {
  Model *m = model;
  (void)h; (void)p;
  if (m->g == 0.0) m->g = 1e-3;
  if (m->g < 0.0) { res->num_errors = 1; res->errors = &error; }
}
static void setup_instance(void *h, void *inst, void *model, double t, uint32_t n, Paras *p, Init *res) {
  Inst *i = inst;
  (void)h; (void)t; (void)n; (void)p; (void)res;
  i->g = ((Model *)model)->g;
  if (i->m == 0.0) i->m = 1.0;
}
static uint32_t eval(void *h, void *inst, void *model, Info *info) {
  Inst *i = inst;
  (void)h; (void)model;
  i->volts = info->prev_solve[i->map[0]] - info->prev_solve[i->map[1]];
  i->k += i->volts * (info->abstime - i->last);
  i->last = info->abstime;
  i->residual = i->m * (i->g * i->volts + i->k);
  return 0;
}
static void resist(void *inst, void *model, double *dst) {
  Inst *i = inst;
  (void)model;
  dst[i->map[0]] += i->residual;
  dst[i->map[1]] -= i->residual;
}
static void nothing(void *inst, void *model, double *dst) { (void)inst; (void)model; (void)dst; }
static void noise(void *inst, void *model, double f, double *d) { (void)inst; (void)model; (void)f; (void)d; }
static void rhs(void *inst, void *model, double *d, double *p) { (void)inst; (void)model; (void)d; (void)p; }
static void rhs_tran(void *i, void *m, double *d, double *p, double a) { (void)i; (void)m; (void)d; (void)p; (void)a; }
static void jacobian(void *inst, void *model) {
  Inst *i = inst;
  double g = i->m * i->g;
  (void)model;
  *i->jac[0] += g; *i->jac[1] -= g; *i->jac[2] -= g; *i->jac[3] += g;
}
static void jacobian_react(void *inst, void *model, double a) { (void)inst; (void)model; (void)a; }

#define NONE UINT32_MAX
static Node nodes[] = {{"a", "V", "A", NONE, NONE, NONE, NONE, false}, {"c", "V", "A", NONE, NONE, NONE, NONE, false}};
static Entry entries[] = {{{0, 0}, NONE, 4}, {{0, 1}, NONE, 4}, {{1, 0}, NONE, 4}, {{1, 1}, NONE, 4}};
static char *g_names[] = {"g"}, *m_names[] = {"$mfactor"}, *k_names[] = {"k"};
static Param params[] = {
    {g_names, 0, "conductance", "S", 0, 0}, {m_names, 0, "", "", 1u << 30, 0}, {k_names, 0, "integral", "A", 2u << 30, 0}};

typedef struct {
  char *name; uint32_t num_nodes, num_terminals; Node *nodes; uint32_t num_jacobian; Entry *jacobian;
  uint32_t num_collapsible; Pair *collapsible; uint32_t collapsed; void *noise; uint32_t num_noise;
  uint32_t num_params, num_instance, num_opvars; Param *params; uint32_t map, jac, num_states, state, bound, isize, msize;
  void *access, *setup_model, *setup_instance, *eval, *load_noise, *rr, *rq, *lr, *lq, *sd, *st, *jr, *jq, *jt;
} Descriptor;

uint32_t OSDI_VERSION_MAJOR = 0, OSDI_VERSION_MINOR = 3, OSDI_NUM_DESCRIPTORS = 1;
Descriptor OSDI_DESCRIPTORS[1] = {{
    "remembers", 2, 2, nodes, 4, entries, 0, NULL, NONE, NULL, 0, 2, 1, 1, params, offsetof(Inst, map),
    offsetof(Inst, jac), 0, NONE, NONE, sizeof(Inst), sizeof(Model), access, setup_model, setup_instance, eval, noise,
    resist, nothing, nothing, nothing, rhs, rhs_tran, jacobian, jacobian_react, jacobian_react}};
