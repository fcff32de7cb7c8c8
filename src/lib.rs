//! credswap
