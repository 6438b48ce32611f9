//! Points in order of space: how far the k-th nearest is, and how many are nearer than a distance, in the maximum norm.

/// Points of a node that is not divided further.
const LEAF: usize = 12;

/// A tree over points.
#[derive(Debug)]
pub(super) struct Tree {
    dimensions: usize,
    /// Points in the order of the tree, one after the other.
    points: Vec<f64>,
    nodes: Vec<Node>,
    /// Least and greatest coordinates of each node.
    boxes: Vec<f64>,
}

#[derive(Debug)]
struct Node {
    from: usize,
    to: usize,
    /// The second child, the first being the next node; 0 for none.
    second: usize,
}

impl Tree {
    /// - `points`: coordinates of the first point, then those of the second, and so on; finite
    pub(super) fn new(points: &[f64], dimensions: usize) -> Self {
        let count = points.len() / dimensions;
        let mut order: Vec<usize> = (0..count).collect();
        let (nodes, boxes) = (Vec::new(), Vec::new());
        let mut tree = Self { dimensions, points: Vec::new(), nodes, boxes };
        tree.divide(points, &mut order, 0);
        tree.points =
            order.iter().flat_map(|&point| &points[point * dimensions..][..dimensions]).copied().collect();
        tree
    }

    fn divide(&mut self, points: &[f64], order: &mut [usize], from: usize) {
        let d = self.dimensions;
        let number = self.nodes.len();
        let at = |point: usize, axis: usize| points[point * d + axis];
        let extent = |axis: usize| {
            let values = order.iter().map(|&point| at(point, axis));
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let extents: Vec<(f64, f64)> = (0..d).map(extent).collect();
        self.boxes.extend(extents.iter().map(|extent| extent.0));
        self.boxes.extend(extents.iter().map(|extent| extent.1));
        self.nodes.push(Node { from, to: from + order.len(), second: 0 });
        if order.len() <= LEAF {
            return;
        }
        let width = |axis: &usize| extents[*axis].1 - extents[*axis].0;
        let axis = (0..d).max_by(|a, b| width(a).total_cmp(&width(b))).unwrap_or(0);
        let middle = order.len() / 2;
        order.select_nth_unstable_by(middle, |&a, &b| at(a, axis).total_cmp(&at(b, axis)));
        let (first, second) = order.split_at_mut(middle);
        self.divide(points, first, from);
        self.nodes[number].second = self.nodes.len();
        self.divide(points, second, from + middle);
    }

    fn point(&self, index: usize) -> &[f64] {
        &self.points[index * self.dimensions..][..self.dimensions]
    }

    /// Least and greatest distance of `point` from the box of a node.
    fn reach(&self, node: usize, point: &[f64]) -> (f64, f64) {
        let bounds = &self.boxes[2 * node * self.dimensions..][..2 * self.dimensions];
        let (low, high) = bounds.split_at(self.dimensions);
        point.iter().zip(low.iter().zip(high)).fold(
            (0.0, 0.0),
            |(near, far): (f64, f64), (&x, (&low, &high))| {
                (near.max(low - x).max(x - high), far.max(x - low).max(high - x))
            },
        )
    }

    /// Distance of the `k`-th nearest point of `point`, itself included if it is one; `k` from 1 to the number of points.
    pub(super) fn nearest(&self, point: &[f64], k: usize) -> f64 {
        let mut best = Vec::with_capacity(k + 1);
        self.search(0, point, k, &mut best);
        best.last().copied().unwrap_or(f64::INFINITY)
    }

    fn search(&self, number: usize, point: &[f64], k: usize, best: &mut Vec<f64>) {
        let node = &self.nodes[number];
        if node.second == 0 {
            for index in node.from..node.to {
                let distance = distance(self.point(index), point);
                if best.len() < k || distance < best[k - 1] {
                    let place = best.partition_point(|&other| other <= distance);
                    best.insert(place, distance);
                    best.truncate(k);
                }
            }
            return;
        }
        let children = [number + 1, node.second].map(|child| (self.reach(child, point).0, child));
        let [near, far] = if children[0].0 <= children[1].0 { children } else { [children[1], children[0]] };
        for (gap, child) in [near, far] {
            if best.len() < k || gap < best[k - 1] {
                self.search(child, point, k, best);
            }
        }
    }

    /// How many points are nearer to `point` than `radius`, itself included if it is one.
    pub(super) fn within(&self, point: &[f64], radius: f64) -> usize {
        self.count(0, point, radius)
    }

    fn count(&self, number: usize, point: &[f64], radius: f64) -> usize {
        let node = &self.nodes[number];
        let (near, far) = self.reach(number, point);
        if near >= radius {
            0
        } else if far < radius {
            node.to - node.from
        } else if node.second == 0 {
            (node.from..node.to).filter(|&index| distance(self.point(index), point) < radius).count()
        } else {
            self.count(number + 1, point, radius) + self.count(node.second, point, radius)
        }
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |most, (a, b)| f64::max(most, (a - b).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Distances and counts are those of looking at every point, ties and all.
        #[test]
        fn agrees_with_looking_at_all(
            dimensions in 1usize..4,
            coordinates in prop::collection::vec(-20i8..20, 3..400),
            k in 1usize..6,
        ) {
            let count = coordinates.len() / dimensions;
            let points: Vec<f64> = coordinates[..count * dimensions].iter().map(|&x| f64::from(x) / 4.0).collect();
            let tree = Tree::new(&points, dimensions);
            let k = k.min(count);
            for point in points.chunks(dimensions).step_by(7) {
                let mut distances: Vec<f64> = points.chunks(dimensions).map(|other| distance(point, other)).collect();
                distances.sort_by(f64::total_cmp);
                let radius = tree.nearest(point, k);
                prop_assert_eq!(radius, distances[k - 1]);
                let nearer = distances.iter().filter(|&&distance| distance < radius).count();
                prop_assert_eq!(tree.within(point, radius), nearer);
            }
        }
    }
}
