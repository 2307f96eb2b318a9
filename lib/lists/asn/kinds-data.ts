// Written by scripts/asn-kinds.ts; see NOTICE for the sources.
export const KINDS_DATE: string = '2026-08-22'
export const HOSTING: string = 'fj 7n 20 b 1c j i 2r 9h ay ig k3 d 91 7t no 4d g8 3y 1d qz 2t k 6 14 2y 1x 2t 3e 15 ' +
  '42 3w h 2h 3 u 66 3l 2o p 53 2e 2e m 27 4 2e 5n 3f 11 j z o s 8 17 k 2t 3 4 15 z b 1d z 3a 2c b 41 2u r 73 2i 3y ' +
  'dm 6y 1f 5 2d 7g 6r 1b 33 10 4v m 3c 23 19 q 1s 3 v f 10 1m r 9 2l 1g 35 15 4e l 4 3e 17 7f 2k 2 t 1q 27 h t t 25 ' +
  '1n 7 x 1y e 1z 1x v 48 9 a w 1g 17 6r v 5 2j 2e k 5m 4 19 1l d 27 9 s 1w 9 v 2o 2h 1c 10 3e 2d 1g e 8 35 k 2k 38 ' +
  '3 o 5u 33 6r 5u d 3e 5l 3b 11 1h 45 31 38 2x 1f 1x 5t 5j 2y 1d f 12 3o 3b 2i 4 2l 64 9 i y 1s p r 1b 50 g 54 2 4 ' +
  'j 27 1a 2m 1a z 1r l 3 28 1c 29 v u t 1m 3h p 2x r 2 9y c4 7 1p 24 35 1n 1 4g 9 3e 3m 6o 1x a 3a 1t 15 8h 9f 2r ' +
  '1q 1c 1h 24 s p 1w 1a 17 h l 1o 9 1t i 3 a q 1f 1o 1j l e d 1d v 26 a 49 19 1t 1j 2b 14 3w 3n 56 1y 9 3h f 1g 8r ' +
  '37 5h 1 1b 6 s 2s 1i 4y 8 17 53 7o b 2d l 1j s y 99 g 1t 6 2u 3y 1x 1 8 m m l 16 28 g o 9 k 3d 1y c 1 f 17 2q m z ' +
  '1i 10 g f e 4v p 1x o 1n 16 4q 8 1 j 4e 1j 5 3m d d b x 7 2p 1 10 1x 3t 2 6e 31 9 1x e 3h 2s 2b l 2n 2c 1r 1q w ' +
  '1q 23 e 3g y 2l 8 3 t 2n 49 16 d 2r 3 39 k 8 5 1g 1f 16 20 h 3j s 1p 2y e p 14 15 1y 2b 3x 3j 1v z 7 1t 1n 28 h q ' +
  '3v w c i 1h 6 6e h 1z 3 1a 1g 3 h j y z 4a 2t 26 5 3 1m k d 2z 1x z d 5 1i v u 1 1k 1a 2a 3m e 33 3l 1e 1c 1y c ' +
  '1h h 13 l 13 4 7 s 13 5 p 3l c 3 j 1z 10 e a 17 o 4p 1k 12 1n 1b 4w 2a 44 5q 4v 2h 11 2u 5o j 6 d 4 o 1n 7 s x 1b ' +
  '6 j o w 1l 1g r f y 7 6 2e 2i 18 r 1a i 2g 11 2l 1s 12 1r 3t 13 d 2j 5 11 47 1e h 5m 2g 11 6 f 9 3i 2 18 q 1 i c ' +
  '4j 4l 2s r 14 1e y j 1w f 18 9 17 n 8 1n z 19 a 1h k 4 6 3 m 1a 1j 2o 2m g 2j 3w l s x g 26 s 1x 2s 4f 2o 1u 2g 1 ' +
  'f s 1e 26 4g g 1a x 2a x 3g 20 f 9 8 29 59 c 1e r 8 e 47 u 2g b 2o 2m 2a 1q 20 g 1z 15 4i 2c 4p 3 16 15 1a b x 1a ' +
  'c 3d k b d f t 19 57 12 t x i j l 9 1k 1c 5 1u 1x 5 n 5 s 6 2 f p 5a 23 3g h 1n 3 3 56 67 58 s w 1n d 1d k 2 9c ' +
  '29 10 i 1v j w 8 c a h c 11 1i 1m r 1z o j 10 27 w 46 z 27 1g o h 2 3f 2 3q 9 5 16 i 4k u 5 1i 16 i r d o 1t 18 8 ' +
  'o 1e 7 g 1 p 4 2t 1 y h l 6e f 1g i 7 1q 44 u i 5 a 32 1r y e 11 e c 24 16 3 1 5p 6z 2g 16 2 18 3c 4 6 1e 1f 8 2 ' +
  'e 5n u 8 1y 2g b 2c 13 p 4 56 9 t 1p 2f 18 3d y b r b h 2e 54 e 4b 4g 15 y 1l 7 6r 48 w 27 3q r 7 n f x t 13 18 3 ' +
  '44 8 d 2g 23 41 5 k 7r 11 g 12 i 23 1f 1p 1k 25 4 1u 1p 2c 1a 1m 1y l 15 u e l 56 8 e 62 o 1g 28 g 16 n 1b 4 2i ' +
  '36 1l 1w 1 d 4 27 38 1g o 16 2o 2b 9 v w 1e 1p h a 16 r i 1m 8 l 27 38 1h 4 1d 1 2x u 31 16 v 4 11 9 k 1h 9 42 8 ' +
  '8 1g h 2 4t i 1j 1g 4 5 5 q 9 a 1e 1t 8 11 1c z c c 1x 31 b2 5 l 19 b 6 9 1r 4 1e 3 a d 16 s 1o 1 j 29 1x k 3 16 ' +
  's i 1q i d c 2a 1u 2w a 5 2o a l 1d e 78 2m 4q s 54 21 2t 25 10 9 4 11 4r r 1fft 1e 2w 1e p 6y e 7r 18 2x 3p m 1j ' +
  'k 5t 5s 1q 11 n u 5l 1e n 11 j u 1v 2c d 5 2a j 40 2t 8 m 22 6u 20 4u b f 2c 1 8t 1j 2v 11 4q s 1a 45 h 2 2 f 1m ' +
  '2k o 1r 1h 9 22 1l 2o 3 b 3c 3a 1 2f 70 1b 6e 32 a 29 84 1f 16 10 bb 7 6z 26 17 4n 19 3u 1r 8j 2a j 1s 1k 2c 3d ' +
  '6n 27 fs 4i e 14 9o o 59 z 4i 2l gm 1j l r 7 y 7b 2w 3i4 2y 3t 1f 1cs r m 1b 7n r 2m 2g r l k a b 17 8v 83 26 6e ' +
  '5p y y gf 2x k 2k 4p 1t 74 3i j 1f f3 df 37 x9m 2s 2a 6s 2c 1z 2u o k n 18 b r 1o 3 30 1 1l 9 b 1x 2z c 8 4r 1o e ' +
  '4 3y y s 13 i 2k 1o l 1a 50 3e f f 2 40 24 d 1k 3m a 1 1u 17 3l 4w i 10 2z 7 3 j k d 10 1c b 12 2 8 s g 33 n 1q ' +
  '2p f 2h f 1b l l 4k 1k j w 2n 2m h 5c 11 3 24 s q i 11 10 w 7 2x 1c 2f d 9 c c 4 g 12 1f e 4e h 4 9 38 3 n 57 l 5 ' +
  '3h 1e 25 15 4 q 10 u 9h q t u 1b y 5l 1e 88 4 2g 2j d 37 56 14 3l u i 2o i p 14 j 11 s 9 a 8b 41 3o 5k 60 3g u i ' +
  'h 5 4g 24 1v 3v 24 3m 45 1i 6 31 r 1b 7 6b 9 l 3k a u 5j x 4i 1k 1e t 10 3j 38 33 3a 5 17 3i 24 1m t 32 1 2q 7c ' +
  '2g u 2a 8h 3w 27 1n 2s 1e k g 5 1t c 23 10 c 1x 82 4g 3 1n 6v c 55 m v 12 3o 43 19 j x 1a 27 19 10 v n 3e 5k 8 45 ' +
  'p 2f 1p h k a 1g 9 n 14 14 6n 1e a 2f r 1y a 9 19 2n 7 j h 1n l a 14 t 1l 19 16 1k 1t 1z 1u s 9 1p o 20 2c 9 d l ' +
  '2j 18 l 2j g 19 n j 1t 5 1m n 26 3b d j c 4c 19 l 2x 15 1k c f q 1u 2g d 10 c 1d zdf 3k x 4b 2d 2u 4k o c 16 1p ' +
  '40 7m 68 pe qz p 7m oc 1o n 8 kv 16 2x bs ad dl 7v oy 2u 5v 5k 1o zz bw 6n 5u 167p 27 t 3l 12 1j 2 84 z 1q 5p 66 ' +
  'v 7u i m 20 38 9 1dbn a fa 22 61 27 1b r n r jp 3 j h0 38 37 o 2n 39 3l 11 6 41 bs i x 4 1a 9h 1e ij b 67 1z 11 x ' +
  '6o h 1l 8 13 4l 2e 4n 1g 4v 99 g 4f 5g 6b 55 9 m 1 3r 1k 2f 2 71 48 2s'
export const HOSTING_CONFIRMED: string = '142 1dh 9e 7t no 4d k6 v5 q 42 1x 7c 42 3w h 2h 3 70 3l 2o p 9v m 27 4 bg ' +
  '11 4d 3g 28 89 4c 2u 7u 2i 3y dm 8d 5 9t 6r 1b jo 6m 1g 35 64 4 em 4q h t 2y 1n 7 x 2c 3w v 48 9 16 9e v 5 2j 2e ' +
  'k 5q 2u d 38 30 55 5q 3t e 8 35 34 3b 6i 33 6r 67 ca 11 1h 45 96 3c 5t 5j 2y 1d f 4q 3b 2m 2l 64 r 2q p r 1b 50 g ' +
  '56 4 j 3h 2m 1a z 1r o 6o 1n 1m 7u 2 9y e0 59 1n 4q 3e 3m 6o 1x a 3a 1t 9m 9f 4h 2t 24 1h 1w 1a 17 2z 1t i 3 a q ' +
  '1f 37 2p 31 a 49 32 3u 14 cp 1y 3q f 1g by 5h 1c 6 s 2s 1i 4y 8 17 cr 39 39 bi 6 2u 3y 1x 1 u m l 16 3c 9 k 3d 2q ' +
  '3x m z 1i 10 g f e 5k 1x o 1n 6o 4e 1o 4c 1f 2q 10 1x 3t 6g 3a 1x 6n 2b 38 2c 1r 1q w 1q 23 e 3g y 2l 14 82 d 2r ' +
  '3c k 8 1l 1f 16 20 h 4b 1p 2y 3c 86 3j 31 5o 6a i 1n 6e h 1z 1d 1j 1y a8 8 1m 3w 1x 1h 1i 1p 1 1k 3k 3m 3h 4z 1c ' +
  '1y 1t h 13 l 13 b s 13 u 3l f j 3d 1h 7z 2y lv 3i 8i p 15 1n 7 s 28 6 3o 1g 24 7 8t 2g 11 2l 1s 2t 3t 13 d 2j 5 ' +
  '11 5l h 82 1m 3r 2j c 4j 84 14 1e y 2f 1w 17 n 8 3v a 1h k 4 6 3 m 1a 1j 5a 7g s x 3e 1x e5 g 26 72 27 bs 59 c 1e ' +
  'r 8 e 7h b 2o 2m 40 20 82 2c 4p 3 16 15 1a 18 1m 3x b s t 7i t x 3f 3b 2p 5 s 6 16 ba 1q 59 eq d 1x 2 bl 10 2w w ' +
  'k r c 45 3e j 37 w 8s 4o 3z 5 16 i 5j 1i 16 i 1s 31 8 o 1e 7 16 4 2t z 7g 1v 2f 44 1c 3h 1r y 1f e c 3a 5t 6z 2g ' +
  '16 2 18 3c 4 1k 1f 8 2 61 u 8 1y 2g 2n 13 p 4 56 2r 2f 18 3d y b r s 2e 54 e au 1l 7 6r 54 27 3q y n 38 60 8k 8g ' +
  '31 3i 1p 1k 25 8v 1y l 2d l 56 8 6g ai 36 3h e 5j 3a 2o 2b 20 1e 1p h 27 i 1u l 5f 1l 1d 1 3r 47 20 9 k 1h 9 4i ' +
  '1g j 8e 5 v 9 a 3f 11 2n gh l 19 b 6 3l n 16 s 1o 2t 1x n 16 1a 2x 2a 1u 2w a 2t a 1y e 78 d8 88 6n 1g5e 3p m 7w ' +
  '5s 1q 11 1h 6z n 2e 1v 2p 2f j 71 gn 2r 1 e8 bi cd 6e 5q 8b 9q 29 bp xb 1vj qk 15 3v9 44d y5b 2s 2a 94 1z 2u 18 n ' +
  '18 b 2i 30 72 c 6n i 3y y 1v i 4t 1a 8t 4h 9s 4s 5e 10 2z 7 3 j k 1d 1n 5n 52 ac 2z 59 6x 24 s 18 11 10 w 7 2x 1c ' +
  '3d w 12 1t 96 as 54 dz 6j c6 2j k9 eo f8 3g ad 12x 99 d4 16m 6d 1ao 27 pd me ey zp 5w zns 8s af c 16 1p 40 1dqs ' +
  '27 t 3l 2l vx 1dhq pu 22 1e jp m nf o 5w m0 v3 iu sh'
export const VPN: string = '6y9 8tr 9hr ll6 gc pn 3n 1lf4 ha 2su 4my 13r6 hz w3 4ev t1 sr pv kv 1u8 3zmx 2bm 8v'
export const EYEBALL: string = 'g1 3g i 2l 14 7w 2d 1a do a0 b1 2 9e 9t 6 1 1h n 9 j w 32 88 ag g3 1h 5 4 d g x 70 ' +
  '87 q m 4v a x 3b 9z 13 4g aq 2k 17 4q b 7m 6q 7 4h p 54 6d 5s f s 1e 2r 96 6o 4y j 52 y 1z 5n l qv ff 23 1 ng 1f ' +
  '1v 15 1d 7a 3p bf 1r4 6t 2n kk nn 1s 3g 52 f5 da v4 36 1ed cy aj 4a la o3 cr dq u6 uk oa os e6 1p j2 h0 1kd bc 40 ' +
  'tp 1gh 22 19 cx 6ag 45 3x 7o1'
/** By class, as `densities` counts them. */
export const DENSITY: readonly string[] = [
  '',
  'mk cd 18f 3yb p2 32z 2r 5sa',
  '6tv 5pg 2db 1yl 5bi 109 45a 1ly 6ah bnq 1m5 33z0',
  '4u l9 1pz 1u l 1 16f 148 6c 1jw nb bxc 73m sb ld 5d2 g5 1gi 100 2f 2vy 143 2x 2zg 5mq 5 wp 1d 1gek ic i7 7k duo ' +
  '11rn 6w 36m 13h 1by 15r7 4uu 2oq9',
  '391 1jd 2og 243 3q2 um 4by pg dq a8 3t2 1l4 1f5 3ov 3r 8o 2qo 7 4pc eo 1ey 6h 3lc 191 29v qw e0 1l4r ga 2tu 4my ' +
  '3yv z1j zn 94 wv 89 3et r1 t1 1im 4q1 3wrw 1lh 5i qb',
  '',
  '4cng',
  'w2k 7vd 4v0 790z',
  '6y9 27p fwj em5 6ny 1n0p no 1aix 70q 46y 3wg2'
]
