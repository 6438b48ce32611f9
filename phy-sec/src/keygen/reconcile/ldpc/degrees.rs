//! How many edges the columns of a code have: the edge-perspective polynomials `λ(x)` of ensembles whose thresholds on the
//! binary symmetric channel are close to the Shannon limit.

/// An ensemble. The rows' degrees follow from the rate: as equal as they can be.
#[derive(Debug, PartialEq)]
pub(super) struct Ensemble {
    /// Share of payload in a codeword: `1 - checks / bits`.
    pub(super) rate: f64,
    /// Degree, and the share of the edges at columns of this degree.
    pub(super) edges: &'static [(usize, f64)],
}

/// By rising rate. From 0.5 on: Elkouss et al., ISIT 2009 (arXiv:0901.2140), Table I, whose `λ5` of rate 0.85 is 0.04274 here so
/// that the shares add up to 1. Below: the polynomial of rate 0.5 with close degrees merged and more columns of degree 2, as
/// many as discretized density evolution with rows of equal degree still lets converge: error rates 0.160, 0.139 and
/// 0.120 at least, 5, 3 and 4 % from the Shannon limit.
pub(super) const ENSEMBLES: &[Ensemble] = &[
    Ensemble {
        rate: 1.0 / 3.0,
        edges: &[
            (2, 0.18171),
            (3, 0.18196),
            (4, 0.01756),
            (6, 0.04715),
            (8, 0.05159),
            (9, 0.05346),
            (10, 0.01389),
            (14, 0.05890),
            (15, 0.12543),
            (17, 0.01416),
            (48, 0.01462),
            (57, 0.10986),
            (58, 0.05966),
            (59, 0.04872),
            (66, 0.02133),
        ],
    },
    Ensemble {
        rate: 0.40,
        edges: &[
            (2, 0.17381),
            (3, 0.18372),
            (4, 0.01773),
            (6, 0.04760),
            (8, 0.05209),
            (9, 0.05398),
            (10, 0.01402),
            (14, 0.05947),
            (15, 0.12664),
            (17, 0.01430),
            (48, 0.01476),
            (57, 0.11092),
            (58, 0.06024),
            (59, 0.04919),
            (66, 0.02153),
        ],
    },
    Ensemble {
        rate: 0.45,
        edges: &[
            (2, 0.15337),
            (3, 0.18826),
            (4, 0.01817),
            (6, 0.04878),
            (8, 0.05337),
            (9, 0.05531),
            (10, 0.01437),
            (14, 0.06094),
            (15, 0.12977),
            (17, 0.01465),
            (48, 0.01513),
            (57, 0.11366),
            (58, 0.06173),
            (59, 0.05041),
            (66, 0.02207),
        ],
    },
    Ensemble {
        rate: 0.50,
        edges: &[
            (2, 0.14438),
            (3, 0.19026),
            (4, 0.01836),
            (5, 0.00233),
            (6, 0.04697),
            (8, 0.05394),
            (9, 0.05590),
            (10, 0.01290),
            (11, 0.00162),
            (14, 0.06159),
            (15, 0.13115),
            (17, 0.01481),
            (47, 0.00879),
            (49, 0.00650),
            (55, 0.00210),
            (56, 0.00099),
            (57, 0.11178),
            (58, 0.06238),
            (59, 0.05094),
            (66, 0.02230),
        ],
    },
    Ensemble {
        rate: 0.55,
        edges: &[
            (2, 0.16880),
            (3, 0.20994),
            (6, 0.18095),
            (15, 0.03846),
            (16, 0.02635),
            (18, 0.23454),
            (19, 0.05815),
            (31, 0.08280),
        ],
    },
    Ensemble {
        rate: 0.60,
        edges: &[
            (2, 0.11040),
            (3, 0.20804),
            (8, 0.14163),
            (9, 0.14858),
            (26, 0.14438),
            (27, 0.08909),
            (46, 0.00748),
            (71, 0.15038),
        ],
    },
    Ensemble {
        rate: 0.65,
        edges: &[
            (2, 0.10451),
            (3, 0.15652),
            (4, 0.08057),
            (5, 0.00056),
            (9, 0.12151),
            (13, 0.10485),
            (15, 0.10719),
            (21, 0.00771),
            (51, 0.31656),
        ],
    },
    Ensemble {
        rate: 0.70,
        edges: &[
            (2, 0.05343),
            (3, 0.29406),
            (6, 0.00896),
            (9, 0.15571),
            (12, 0.12189),
            (25, 0.19872),
            (46, 0.09572),
            (62, 0.02741),
            (65, 0.04056),
            (73, 0.00354),
        ],
    },
    Ensemble {
        rate: 0.75,
        edges: &[
            (2, 0.10805),
            (3, 0.09511),
            (4, 0.01449),
            (5, 0.13764),
            (6, 0.10667),
            (7, 0.05288),
            (28, 0.01107),
            (31, 0.47408),
        ],
    },
    Ensemble {
        rate: 0.80,
        edges: &[
            (2, 0.09420),
            (3, 0.18088),
            (6, 0.11972),
            (7, 0.08550),
            (8, 0.09816),
            (17, 0.07194),
            (26, 0.34960),
        ],
    },
    Ensemble {
        rate: 0.85,
        edges: &[
            (2, 0.04528),
            (3, 0.20537),
            (4, 0.05878),
            (5, 0.04274),
            (6, 0.08454),
            (7, 0.01176),
            (9, 0.05137),
            (21, 0.50015),
        ],
    },
    Ensemble {
        rate: 0.90,
        edges: &[(2, 0.07689), (3, 0.28096), (5, 0.08933), (9, 0.19620), (12, 0.30631), (21, 0.05031)],
    },
];

impl Ensemble {
    /// The degrees of `columns` columns, ascending, none above `most`. Shares are rounded so that their sum stays.
    pub(super) fn degrees(&self, columns: usize, most: usize) -> Vec<usize> {
        let nodes: f64 = self.edges.iter().map(|(degree, share)| share / *degree as f64).sum();
        let mut degrees = Vec::with_capacity(columns);
        let mut reached = 0.0;
        for (degree, share) in self.edges {
            reached += share / *degree as f64 / nodes * columns as f64;
            degrees.resize((reached.round() as usize).min(columns), (*degree).min(most));
        }
        degrees.resize(columns, degrees.last().copied().unwrap_or(2));
        degrees
    }
}
