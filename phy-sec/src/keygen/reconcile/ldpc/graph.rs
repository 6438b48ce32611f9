//! Bipartite graphs without short cycles, from a seed.
//!
//! Edges are placed one by one, columns of few edges first: each new edge goes to a row that the column does not reach
//! yet, or reaches only by the longest way (progressive edge growth: Hu, Eleftheriou and Arnold, IEEE Trans. Inf. Theory
//! 51(1), 2005). So the columns of degree 2 form no cycle. Among those rows it falls by chance on one of the sockets that
//! are left, where Hu et al. take a row with the fewest edges: theirs deals out columns of low and of high degree evenly to
//! all rows, and a product of unequal factors is smaller than their mean's power, so that the threshold suffers.
//!
//! A long code is a small graph in which every edge stands for a circulant (Fossorier, IEEE Trans. Inf. Theory 50(8),
//! 2004). Its shifts are chosen edge by edge, too: none that closes a cycle of four, and of the others one that closes
//! the fewest cycles of six, those through columns of low degree counting most.

use std::collections::HashMap;

use kernels::ldpc::Entry;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::keygen::reconcile::frames::below;

/// The generator number `stream` of a code's seed.
pub(super) fn generator(seed: u64, stream: u64) -> ChaCha20Rng {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The rows of each column, by progressive edge growth.
///
/// - `degrees`: of the columns, ascending, each at most `rows`
/// - `distant`: columns of higher degree than this take any row that they do not have yet
pub(super) fn grow(degrees: &[usize], rows: usize, distant: usize, seed: u64) -> Vec<Vec<u32>> {
    let mut rng = generator(seed, 0);
    let mut of_column: Vec<Vec<u32>> = vec![Vec::new(); degrees.len()];
    let mut of_row: Vec<Vec<u32>> = vec![Vec::new(); rows];
    // When a row or column was last reached, and how.
    let (mut row_seen, mut column_seen) = (vec![0u32; rows], vec![0u32; degrees.len()]);
    // How many edges each row still takes: as equal as can be, the odd ones where the seed says.
    let edges: usize = degrees.iter().sum();
    let mut sockets: Vec<usize> =
        (0..rows).map(|row| edges / rows + usize::from(row < edges % rows)).collect();
    for last in (1..rows).rev() {
        sockets.swap(last, below(&mut rng, last + 1));
    }
    let mut stamp = 0;
    let (mut front, mut next, mut best) = (Vec::new(), Vec::new(), Vec::new());
    for column in 0..degrees.len() {
        for edge in 0..degrees[column] {
            stamp += 1;
            front.clear();
            if edge > 0 {
                column_seen[column] = stamp;
                front.extend(of_column[column].iter().copied());
                front.iter().for_each(|&row| row_seen[row as usize] = stamp);
            }
            // Breadth first; `front` is the last level that brought rows.
            let mut reached = front.len();
            while degrees[column] <= distant && reached < rows && !front.is_empty() {
                next.clear();
                for &row in &front {
                    for &other in &of_row[row as usize] {
                        if std::mem::replace(&mut column_seen[other as usize], stamp) == stamp {
                            continue;
                        }
                        for &row in &of_column[other as usize] {
                            if std::mem::replace(&mut row_seen[row as usize], stamp) != stamp {
                                next.push(row);
                            }
                        }
                    }
                }
                reached += next.len();
                if next.is_empty() {
                    break;
                }
                std::mem::swap(&mut front, &mut next);
            }
            let unreached = reached < rows;
            best.clear();
            if unreached {
                best.extend((0..rows as u32).filter(|&row| row_seen[row as usize] != stamp));
            } else {
                best.extend(front.iter().copied().filter(|row| !of_column[column].contains(row)));
            }
            let mut free: usize = best.iter().map(|&row| sockets[row as usize]).sum();
            if free == 0 {
                // The rows furthest away are full: any that is not, or at last any at all.
                best.clear();
                best.extend((0..rows as u32).filter(|row| !of_column[column].contains(row)));
                free = best.iter().map(|&row| sockets[row as usize]).sum();
            }
            let Some(&last) = best.last() else { break };
            let row = if free == 0 {
                let least = |row: &&u32| of_row[**row as usize].len();
                best.iter().min_by_key(least).copied().unwrap_or(last)
            } else {
                let mut pick = below(&mut rng, free);
                let found = best.iter().copied().find(|&row| {
                    let sockets = sockets[row as usize];
                    let here = pick < sockets;
                    pick = pick.wrapping_sub(sockets);
                    here
                });
                found.unwrap_or(last)
            };
            sockets[row as usize] = sockets[row as usize].saturating_sub(1);
            of_column[column].push(row);
            of_row[row as usize].push(column as u32);
        }
    }
    of_column
}

/// A shift for every edge of a graph, by block row.
pub(super) fn lift(of_column: &[Vec<u32>], rows: usize, lanes: usize, seed: u64) -> Vec<Vec<Entry>> {
    let mut rng = generator(seed, 1);
    let mut of_row: Vec<Vec<Entry>> = vec![Vec::new(); rows];
    // The placed edges of each column: row and shift.
    let mut placed: Vec<Vec<(u32, u32)>> = vec![Vec::new(); of_column.len()];
    let turn = lanes as u32;
    let add = |a: u32, b: u32| if a + b >= turn { a + b - turn } else { a + b };
    let minus = |a: u32, b: u32| if a >= b { a - b } else { a + turn - b };
    let extra = |column: u32| of_column[column as usize].len() as u32 - 2;
    let mut cost = vec![0u64; lanes];
    let mut ends: HashMap<u32, Vec<(u32, u32, u32)>> = HashMap::new();
    let mut least = Vec::new();
    for (column, wanted) in of_column.iter().enumerate() {
        for &row in wanted {
            cost.fill(0);
            // Ways of two steps out of the row: to which row, by what turn, over which column.
            ends.clear();
            for entry in &of_row[row as usize] {
                for &(other, shift) in &placed[entry.column as usize] {
                    if other != row {
                        let way = (minus(entry.shift, shift), extra(entry.column), entry.column);
                        ends.entry(other).or_default().push(way);
                    }
                }
            }
            for &(first, shift) in &placed[column] {
                for &(turned, _, _) in ends.get(&first).map_or(&[][..], Vec::as_slice) {
                    cost[add(shift, turned) as usize] += 1 << 32; // a cycle of four
                }
                for entry in &of_row[first as usize] {
                    if entry.column as usize == column {
                        continue;
                    }
                    let turned = minus(shift, entry.shift);
                    for &(second, shift) in &placed[entry.column as usize] {
                        if second == first || second == row {
                            continue;
                        }
                        let turned = add(turned, shift);
                        for &(rest, degree, over) in ends.get(&second).map_or(&[][..], Vec::as_slice) {
                            if over != entry.column {
                                let outside = 1 + degree + extra(entry.column) + extra(column as u32);
                                cost[add(turned, rest) as usize] +=
                                    u64::from((1 << 12) / (outside * outside)).max(1);
                            }
                        }
                    }
                }
            }
            let lowest = cost.iter().min().copied().unwrap_or(0);
            least.clear();
            least.extend((0..turn).filter(|&shift| cost[shift as usize] == lowest));
            let shift = least[below(&mut rng, least.len())];
            placed[column].push((row, shift));
            of_row[row as usize].push(Entry { column: column as u32, shift });
        }
    }
    of_row
}
