//! A sliding order statistic: the window's block powers, kept sorted.

/// The powers in ascending order. Insertion moves a few kilobytes at most, which is cheaper than a tree at these sizes.
#[derive(Default)]
pub(super) struct Floor {
    sorted: Vec<f32>,
}

impl Floor {
    pub(super) fn clear(&mut self) {
        self.sorted.clear();
    }

    pub(super) fn insert(&mut self, power: f32) {
        let at = self.sorted.partition_point(|p| *p < power);
        self.sorted.insert(at, power);
    }

    /// Removes one value equal to `power`, which was inserted before.
    pub(super) fn remove(&mut self, power: f32) {
        let at = self.sorted.partition_point(|p| *p < power);
        self.sorted.remove(at);
    }

    /// The `rank`-th smallest (from 1) of all but one value equal to `power`.
    pub(super) fn without(&self, power: f32, rank: usize) -> f32 {
        let floor = self.sorted[rank - 1];
        if power <= floor { self.sorted[rank] } else { floor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against sorting the others, ties included.
    #[test]
    fn leaves_one_out() {
        let values = [3.0, 1.0, 2.0, 2.0, 5.0, 0.0, 4.0];
        let mut floor = Floor::default();
        values.iter().for_each(|v| floor.insert(*v));
        for (i, own) in values.iter().enumerate() {
            let mut others = values.to_vec();
            others.remove(i);
            others.sort_by(f32::total_cmp);
            for rank in 1..=others.len() {
                assert_eq!(floor.without(*own, rank), others[rank - 1], "without {own}, rank {rank}");
            }
        }
        floor.remove(2.0);
        assert_eq!(floor.sorted, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
