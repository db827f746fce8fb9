//! temporary
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params { min: u32, max: u32 }
#[derive(Debug, thiserror::Error)]
#[error("bad chunker parameters")]
pub struct ParamsError;
impl Default for Params { fn default() -> Self { Params { min: 8192, max: 24576 } } }
impl Params {
    pub fn metadata() -> Self { Params { min: 32768, max: 98304 } }
    pub fn from_fields(_a: u16, min: u32, max: u32) -> Result<Self, ParamsError> { Ok(Params { min, max }) }
    pub fn algorithm(&self) -> u16 { 1 }
    pub fn min(&self) -> u32 { self.min }
    pub fn max(&self) -> u32 { self.max }
}
#[derive(Debug, Clone)]
pub struct Chunker { params: Params }
impl Chunker {
    pub fn new(params: Params) -> Self { Chunker { params } }
    pub fn params(&self) -> &Params { &self.params }
    pub fn next_len(&self, data: &[u8]) -> usize {
        let (min, max) = (self.params.min as usize, self.params.max as usize);
        if data.len() <= min { return data.len(); }
        let end = data.len().min(max);
        let mut best = (u32::MAX, end);
        for at in min..=end {
            let w = &data[at - 4..at];
            let v = u32::from_le_bytes([w[0], w[1], w[2], w[3]]).wrapping_mul(0x9E3779B1).wrapping_add(0x85EBCA6B);
            if v < best.0 { best = (v, at); }
        }
        best.1
    }
}
