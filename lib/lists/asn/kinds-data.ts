// Written by scripts/asn-kinds.ts; see NOTICE for the sources.
export const KINDS_DATE: string = '2026-08-22'
export const HOSTING: string =
  'fj 7n 20 b 1c j i 2r 9h ay ig k3 d 91 7t no 4d g8 3y 1d qz 2t k 6 14 2y 4q 3e 15 42 3w h 2h 3 u 66 3l 2o p 53 ' +
  '2e 2e m 27 4 2e 5n 3f 11 j z o s 8 17 k 2t 3 4 15 z b 1d z 3a 2c b 41 2u r 73 2i 3y dm 6y 1f 5 2d 7g 6r 1b 33 ' +
  '10 4v m 3c 23 19 q 1s 3 v f 10 1m r 9 2l 1g 35 15 4e l 4 3e 17 7f 2k 2 t 1q 27 h t t 25 1n 7 x 1y e 1z 1x v 48' +
  ' 9 a w 1g 17 6r v 5 2j 2e k 5m 4 19 1l d 27 9 s 1w 9 v 2o 2h 1c 10 3e 2d 1g e 8 35 k 2k 38 3 o 5u 33 6r 5u d 3' +
  'e 5l 3b 11 1h 45 31 38 2x 1f 1x 5t 5j 2y 1d f 12 3o 3b 2i 4 2l 64 9 i y 1s p r 1b 50 g 54 2 4 j 27 1a 2m 1a z ' +
  '1r l 3 28 1c 29 v u t 1m 3h p 2x r 2 9y c4 7 1p 24 35 1n 1 4g 9 3e 3m 6o 1x a 3a 1t 15 8h 9f 2r 1q 1c 1h 24 s ' +
  'p 1w 1a 17 h l 1o 9 1t i 3 a q 1f 1o 1j l e d 1d v 26 a 49 19 1t 1j 2b 14 3w 3n 56 1y 9 3h f 1g 8r 37 5h 1 1b ' +
  '6 s 2s 1i 4y 8 17 53 7o b 2d l 1j s y 99 g 1t 6 2u 3y 1x 1 8 m m l 16 28 g o 9 k 3d 1y c 1 f 17 2q m z 1i 10 g' +
  ' f e 4v p 1x o 1n 16 4q 8 1 j 4e 1j 5 3m d d b x 7 2p 1 10 1x 3t 2 6e 31 9 1x e 3h 2s 2b l 2n 2c 1r 1q w 1q 23' +
  ' e 3g y 2l 8 3 t 2n 49 16 d 2r 3 39 k 8 5 1g 1f 16 20 h 3j s 1p 2y e p 14 15 1y 2b 3x 3j 1v z 7 1t 1n 28 h q 3' +
  'v w c i 1h 6 6e h 1z 3 1a 1g 3 h j y z 4a 2t 26 5 3 1m k d 2z 1x z d 5 1i v u 1 1k 1a 2a 3m e 33 3l 1e 1c 1y c' +
  ' 1h h 13 l 13 4 7 s 13 5 p 3l c 3 j 2z e a 17 o 4p 1k 12 1n 1b 4w 2a 44 5q 4v 2h 11 2u 5o j 6 d 4 o 1n 7 s x 1' +
  'b 6 j o w 1l 1g r f y 7 6 2e 2i 18 r 1a i 2g 11 2l 1s 12 1r 3t 13 d 2j 5 11 47 1e h 5m 2g 11 6 f 9 3i 2 18 q 1' +
  ' i c 4j 4l 2s r 14 1e y j 1w f 18 9 17 n 8 1n z 19 a 1h k 4 6 3 m 1a 1j 2o 2m g 2j 3w l s x g 26 s 1x 2s 4f 2o' +
  ' 1u 2g 1 f s 1e 26 4g g 27 2a x 3g 20 f 9 8 29 59 c 1e r 8 e 47 u 2g b 2o 2m 2a 1q 20 g 1z 15 4i 2c 4p 3 16 15' +
  ' 1a b x 1a c 3d k b d f t 19 57 12 t x i j l 9 1k 1c 5 1u 1x 5 n 5 s 6 2 f p 5a 23 3g h 1n 3 3 56 67 58 s w 1n' +
  ' d 1d k 2 9c 29 10 i 1v j w 8 c a h c 11 1i 1m r 1z o j 10 27 w 46 z 27 1g o h 2 3f 2 3q 9 5 16 i 4k u 5 1i 16' +
  ' i r d o 1t 18 8 o 1e 7 g 1 p 4 2t 1 y h l 6e f 1g i 7 1q 44 u i 5 a 32 1r y e 11 e c 24 16 3 1 5p 6z 2g 16 2 ' +
  '18 3c 4 6 1e 1f 8 2 e 5n u 8 1y 2g b 2c 13 p 4 56 9 t 1p 2f 18 3d y b r s 2e 54 e 4b 4g 15 y 1l 7 6r 48 w 27 3' +
  'q r 7 n f x t 13 18 3 44 8 d 2g 23 41 5 k 7r 11 g 12 i 23 1f 1p 1k 25 4 1u 1p 2c 1a 1m 1y l 15 u e l 56 8 e 62' +
  ' o 1g 28 g 16 n 1b 4 2i 36 1l 1w 1 d 4 27 38 1g o 16 2o 2b 9 v w 1e 1p h a 16 r i 1m 8 l 27 38 1h 4 1d 1 2x u ' +
  '31 16 v 4 11 9 k 1h 9 42 8 8 1g h 2 4t i 1j 1g 4 5 5 q 9 a 1e 1t 8 11 1c z c c 1x 31 b2 5 l 19 b 6 9 1r 4 1e 3' +
  ' a d 16 s 1o 1 j 29 1x k 3 16 s i 1q i d c 2a 1u 2w a 5 2o a l 1d e 78 2m 4q s 54 21 2t 25 10 9 4 11 4r r 1fft' +
  ' 1e 2w 1e p 6y e 7r 18 2x 3p m 1j k 5t 5s 1q 11 n u 5l 1e n 11 j u 1v 2c d 5 2a j 40 2t 8 m 22 6u 20 4u b f 2c' +
  ' 1 8t 1j 2v 11 4q s 1a 45 h 2 2 f 1m 2k o 1r 1h 9 22 1l 2o 3 b 3c 3a 1 2f 70 1b 6e 32 a 29 84 1f 16 10 bb 7 6z' +
  ' 26 17 4n 19 3u 1r 8j 2a j 1s 1k 2c 3d 6n 27 fs 4i e 14 9o o 59 z 4i 2l gm 1j l r 7 y 7b 2w 3i4 2y 3t 1f 1cs r' +
  ' m 1b 7n r 2m 2g r l k a b 17 8v 83 26 6e 5p y y gf 2x k 2k 4p 1t 74 3i j 1f f3 df 37 x9m 2s 2a 6s 2c 1z 2u o ' +
  'k n 18 b r 1o 3 30 1 1l 9 b 1x 2z c 8 4r 1o e 4 3y y s 13 i 2k 1o l 1a 50 3e f f 2 40 24 d 1k 3m a 1 1u 17 3l ' +
  '4w i 10 2z 7 3 j k d 10 1c b 12 2 8 s g 33 n 1q 2p f 2h f 1b l l 4k 1k j w 2n 2m h 5c 11 3 24 s q i 11 10 w 7 ' +
  '2x 1c 2f d 9 c c 4 g 12 1f e 4v 4 9 38 3 n 57 l 5 3h 1e 25 15 4 q 10 u 9h q t u 1b y 5l 1e 88 4 2g 2j d 37 56 ' +
  '14 3l u i 2o i p 14 j 11 s 9 a 8b 41 3o 5k 60 3g u i h 5 4g 24 1v 3v 24 3m 45 1i 6 31 r 1b 7 6b 9 l 3k a u 5j ' +
  'x 4i 1k 1e t 10 3j 38 33 3a 5 17 3i 24 1m t 32 1 2q 7c 2g u 2a 8h 3w 27 1n 2s 1e k g 5 1t c 23 10 c 1x 82 4g 3' +
  ' 1n 6v c 55 m v 12 3o 43 19 j x 1a 27 19 10 v n 3e 5k 8 45 p 2f 1p h k a 1g 9 n 14 14 6n 1e a 2f r 1y a 9 19 2' +
  'n 7 j h 1n l a 14 t 1l 19 16 1k 1t 1z 1u s 9 1p o 20 2c 9 d l 2j 18 l 2j g 19 n j 1t 5 1m n 26 3b d j c 4c 19 ' +
  'l 2x 15 1k c f q 1u 2g d 10 c 1d zdf 3k x 4b 2d 2u 4k o c 16 1p 40 7m 68 pe qz p 7m oc 1o n 8 kv 16 2x bs ad d' +
  'l 7v oy 2u 5v 5k 1o zz bw 6n 5u 167p 27 t 3l 12 1j 2 84 z 1q 5p 66 v 7u i m 20 38 9 1dbn a fa 22 61 27 1b r n ' +
  'r jp 3 j h0 38 37 o 2n 39 3l 11 6 41 bs i x 4 1a 9h 1e ij b 67 1z 11 x 6o h 1l 8 13 4l 2e 4n 1g 4v 99 g 4f 5g ' +
  '6b 55 9 m 1 3r 1k 2f 2 71 48 2s'
export const HOSTING_CONFIRMED: string =
  '142 1dh 9e 7t no 4d k6 v5 q 42 99 42 3w h 2h 3 70 3l 2o p 9v m 27 4 bg 11 4d 3g 28 89 4c 2u 7u 2i 3y dm 8d 5 9' +
  't 6r 1b jo 6m 1g 35 64 4 em 4q h t 2y 1n 7 x 2c 3w v 48 9 16 9e v 5 2j 2e k 5q 2u d 38 30 55 5q 3t e 8 35 34 3' +
  'b 6i 33 6r 67 ca 11 1h 45 96 3c 5t 5j 2y 1d f 4q 3b 2m 2l 64 r 2q p r 1b 50 g 56 4 j 3h 2m 1a z 1r o 6o 1n 1m ' +
  '7u 2 9y e0 59 1n 4q 3e 3m 6o 1x a 3a 1t 9m 9f 4h 2t 24 1h 1w 1a 17 2z 1t i 3 a q 1f 37 2p 31 a 49 32 3u 14 cp ' +
  '1y 3q f 1g by 5h 1c 6 s 2s 1i 4y 8 17 cr 39 39 bi 6 2u 3y 1x 1 u m l 16 3c 9 k 3d 2q 3x m z 1i 10 g f e 5k 1x ' +
  'o 1n 6o 4e 1o 4c 1f 2q 10 1x 3t 6g 3a 1x 6n 2b 38 2c 1r 1q w 1q 23 e 3g y 2l 14 82 d 2r 3c k 8 1l 1f 16 20 h 4' +
  'b 1p 2y 3c 86 3j 31 5o 6a i 1n 6e h 1z 1d 1j 1y a8 8 1m 3w 1x 1h 1i 1p 1 1k 3k 3m 3h 4z 1c 1y 1t h 13 l 13 b s' +
  ' 13 u 3l f j 3d 1h 7z 2y lv 3i 8i p 15 1n 7 s 28 6 3o 1g 24 7 8t 2g 11 2l 1s 2t 3t 13 d 2j 5 11 5l h 82 1m 3r ' +
  '2j c 4j 84 14 1e y 2f 1w 17 n 8 3v a 1h k 4 6 3 m 1a 1j 5a 7g s x 3e 1x e5 g 26 72 27 bs 59 c 1e r 8 e 7h b 2o' +
  ' 2m 40 20 82 2c 4p 3 16 15 1a 18 1m 3x b s t 7i t x 3f 3b 2p 5 s 6 16 ba 1q 59 eq d 1x 2 bl 10 2w w k r c 45 3' +
  'e j 37 w 8s 4o 3z 5 16 i 5j 1i 16 i 1s 31 8 o 1e 7 16 4 2t z 7g 1v 2f 44 1c 3h 1r y 1f e c 3a 5t 6z 2g 16 2 18' +
  ' 3c 4 1k 1f 8 2 61 u 8 1y 2g 2n 13 p 4 56 2r 2f 18 3d y b r s 2e 54 e au 1l 7 6r 54 27 3q y n 38 60 8k 8g 31 3' +
  'i 1p 1k 25 8v 1y l 2d l 56 8 6g ai 36 3h e 5j 3a 2o 2b 20 1e 1p h 27 i 1u l 5f 1l 1d 1 3r 47 20 9 k 1h 9 4i 1g' +
  ' j 8e 5 v 9 a 3f 11 2n gh l 19 b 6 3l n 16 s 1o 2t 1x n 16 1a 2x 2a 1u 2w a 2t a 1y e 78 d8 88 6n 1g5e 3p m 7w' +
  ' 5s 1q 11 1h 6z n 2e 1v 2p 2f j 71 gn 2r 1 e8 bi cd 6e 5q 8b 9q 29 bp xb 1vj qk 15 3v9 44d y5b 2s 2a 94 1z 2u ' +
  '18 n 18 b 2i 30 72 c 6n i 3y y 1v i 4t 1a 8t 4h 9s 4s 5e 10 2z 7 3 j k 1d 1n 5n 52 ac 2z 59 6x 24 s 18 11 10 w' +
  ' 7 2x 1c 3d w 12 1t 96 as 54 dz 6j c6 2j k9 eo f8 3g ad 12x 99 d4 16m 6d 1ao 27 pd me ey zp 5w zns 8s af c 16 ' +
  '1p 40 1dqs 27 t 3l 2l vx 1dhq pu 22 1e jp m nf o 5w m0 v3 iu sh'
export const VPN: string =
  '6y9 8tr 9hr ll6 gc pn 3n 1lf4 ha 2su 4my 13r6 hz w3 4ev t1 sr pv kv 1u8 3zmx 2bm 8v'
export const EYEBALL: string =
  'g1 3g i 2l 14 7w 2d 1a do a0 b1 2 9e 9t 6 1 1h n 9 j w 32 88 ag g3 1h 5 4 d g x 70 87 q m 4v a x 3b 9z 13 4g a' +
  'q 2k 17 4q b 7m 6q 7 4h p 54 6d 5s f s 1e 2r 96 6o 4y j 52 y 1z 5n l qv ff 23 1 ng 1f 1v 15 1d 7a 3p bf 1r4 6t' +
  ' 2n kk nn 1s 3g 52 f5 da v4 36 1ed cy aj 4a la o3 cr dq u6 uk oa os e6 1p j2 h0 1kd bc 40 tp 1gh 22 19 cx 6ag ' +
  '45 3x 7o1'
export const ACCESS: string =
  '5t a8 3g i 2c 9 14 7w 2d 10 a w 9h 2h u 5 1k 5r 2k b1 2 1v l 3 3e 31 g 9t 3 3 1 x k n 8 1 1 1 5 c 7 2 1 9 d 4 ' +
  '2y 6h 16 b a 1m w 5u 24 1b 1d 8m 15 1k 1 d 1q c z 1 5 5 4 5 2 6 c 4 4 1 2 1 4 1 1 3 e 2 2d 1p 2y 87 7 9 a 6 g ' +
  'z g z 5 o q f e 1 3 1 a m b 1r 1k 80 1z j k e 3h l 15 w 7 5 1n w w o 9 c 1w f y 3 3 a h m 6 4 6 1 6 u 5 b 2 p ' +
  '1 6 45 b 3 b s 6 6o 37 k 10 16 t 7 1e e r 1y e b 1k 1j 21 2k 2h v h c u 1 14 a 7 t l 3 u b 1 d 9 6 1 i 2 5 2 a' +
  ' 2 8 5 c 4 4 5 l e 16 f 7 b 8 a 5 u 1a e m e 6 3 c l b 3 e x 7 q y 6 13 14 y 12 s 1j 4 k 1 c 14 7 q f 3 1e j b' +
  ' 7 5 2v 1i 2 6 d f 1z 9 u e 6 a k 2f r l j p z g 7 3 1i e 1 2j o d 1 b 2a 18 a 40 6 1 5a 2c 2k p d 50 1h e 3 6' +
  ' 2a 2f d 27 g 1n 1 5 82 5 2f 1 f 5 9 1 17 r y c v 15 n 2m 3d q 5 a a a 2 4 h 2 3 5 7 8 9 3 12 e b o 7 5 3 3e 1' +
  'g f 5 5 11 b l 6 4 5 j 1b 1 2 4 b d 6 6 q e k a 2 h m p e a a 17 j 4 4 u 1g 25 20 d i 2t 2o 50 8r 11 12 n 1i x' +
  ' h 6 bj 1b 4 1n 1b 8 3c 3x 10 42 a 1l b 8 10 x 2 2h 12 4 1o d 1 x 19 8 4 x 6 6 g 18 t 1a l a n 1p 13 1l 1c l 4' +
  ' 2 3 4 19 4 g 18 10 w p 1u k 3 4 1o 12 8 1n c 9 b 7 27 1d 27 3j 3 7 1i a 5x o 5 f 8 d 18 4 1 7 6 5 6 7 1f 5 1s' +
  ' 2 1h x h 19 z 7 14 5 1h 6 7 c w 10 k 1 h 1e y 1p m 5 j 4d 9 4 97 43 1q 19 3g 2 1u 2 u 3b 1 2i 17 1m 2a u 39 2' +
  ' 31 i 8 1u f k b 1k 1m k 2f z q h 3s 15 8 45 r p s w u s 3 12 p a 6 9 11 s i n 2 a 4 f i 25 1s 2 1e 3 h 8 6 6 ' +
  'g 6 5 15 2 7 i d m x x 8 4 1s a 9 1 5b g 18 2n 7 3k 7g r 2 f d d t 3u c 1u 1e 2c 33 15 2 2w 3g 2f 6n 3z 1d 1 e' +
  ' 5 v s c 15 1f w 1 1s d 3 39 2 y g k s 1a r 26 1r 18 1 1i h e f 2 c 1 t 11 j 6 c q 2 8 14 5 d 1h 1q 1d o x 15 ' +
  '1r o b i 6 3 f 1w 2 l 1d t r v e 1b p i m 1 2 5 b c 5 1 3e 2q 2c r c 15 5a 9p 3j a 2m l 3 3p a1 1r a 3n 36 34 ' +
  '9 c 8 j i 3 5 d 4 3 2 a 6 c h l 1f f 3 5 2 6 s 2 7 f 1 c j 5 4 i 3 f c c i 1o 4 1 1 6 2 2 3 1 8 4 8 5 2 5 6 2 ' +
  '1 4 7 3 b 1 6 1 3 1 1 1 1 7 g 2 b 1 3 3 7 2 4 2 2 5 4 9 1 2 1 e 3 4 4 9 g 1 6 2 a g 4 g e 4 7 j n s 3 i 1 1 1 ' +
  '1 1 1 1 8 3 6 1 i 4 a c e 2 3 6 b 1 2 2 c 4 b 9 9 v t o 6 c 1h c x 5 1 21 4 q 9 a h 1 8 a 7 5 8 3 1g 20 c i c ' +
  '9 9 k a 1 1y v b l 2 r 7 9 k 1n b 1n u k v 1d 3e s 28 1 1i 7 5 3p 2h 1q g 59 2h 2v b 9 p h 1i 6 b 1b e 1n 7 5 ' +
  '3 9 t 1j y 5 4 h 1l 3 a 18 4 e 2 10 l t d s 5 3 i 1x d d o 1u g 22 g 5 37 4b g 70 d 5g 7x 2f 19 44 l 1z 39 2k ' +
  'n 1 5o 11 17 2u g 6 8 9 1b 10 18 7 c 17 9 1k i 6 l 1e d 6 c 2 z 13 j 2 2 i l 1h h 7 8 2 s 1a 3 w v e a r 6 4 p' +
  ' 1s k 1 e 5 k t 7 27 y 4 15 11 3 7 g 1r o 4 y f e n 7 f 1 13 m m s 1c b 42 x h 1 1 k 18 1v o 2 s c 3 13 3 9 2k' +
  ' 5c 2 18 g 3w 1x 2m j o y 4 1e 6c 12 1 7 8 3 i 1 a c 1 4 7 2 8 8 e n 4 2 1 7 3 b c m f 6 1 e c 8 9 4 a l u 6 6' +
  ' 7 1 p 4 f 18 2 9 u 9 1 d f e 19 a b 4 2 f 1 18 9 3 2 j d 3 9 b j 6 5 6 1j 6f 2t a l r 3b h 6 1 p c 6 b e 11 4' +
  '7 1o 2p 2h j 1 1 h 3h 16 w 2 7 t c b i 4 d k w 5 1f 3 o a 2b 6 1 2n b l s 1y 29 35 10 2 1i h 4 c b y m h j h 2' +
  '4 5u 7 1c 7r 7l 3z 3m d b v p c 1y 3 w 6 e 2 1 4 1x i 2k 18 3 15 o 10 7 e 9 10 b g n 9 3 1 8 4 b u 1 x 1c y 8 ' +
  '10 h j i 4 4 i x w 1 2h v 8 2d y 1 14 28 4 9 i c l t y 12 1 1k v g m 3 u 4 1 1f b 6 x e 21 r 16 t h 1c v g u n' +
  ' h 7 7 r f 2 4 o 9 4 13 q 1f 1 3 h h 7 2 t 1e 1 e 1l k 1s m a 16 1 1i h y u 9 2g 5 k 2m 7 l 18 1b 1d b 1 c d 1' +
  ' 1s x 6 1 i 13 f 3 16 s 2c z 3 i 2 3 e 24 e 2 k p 4b 4q c 1 t 1 57 e v 7 e k j l 11 1g 1q 1s 7 8 h 9 2t 11 8o ' +
  '75 1m 1y 9w 3 m i 17 4 a 1 k 4 c 5 8 m 18 1q o m 1 2h 1 1l 1v x e o l 8 13 c k j 12 4 b b 5 p f 5 11 n o 1 y 3' +
  ' b s 9 i 2 a 7 o z o b b d 9 9 1q 5 13 g e 15 o l k t 1 1w x k h 8 i 16 4k 7 6 c 9 1o a 14 d 6 5 1 n 16 5 3a a' +
  ' 7 2 7 1e c 1u 6 1w m a 14 4 n 4 y 10 g 6 z 2 1h 1d q 4 4 5 1g 9 l p d 3 1m w b 1o 11 g 2 a 6 4 5 17 1h 1t 9 3' +
  ' y 9 6 a e r 3 1 1 6 r 4 n c c t 4 5 4 6 t b 3 2o i 2 t 6 15 z 1m u 1 10 1e y 7 g 6 4 4 f r 1u f i d r t o n 1' +
  'a 9 7 a q n m 5 7 8 3 9 l a 2u 18 c 6 6 1j o v o d 6 h d 1y 2p w p s 2 1 1n 6 b h 5 1f l 3 11 m t 8 7 2 3 3 1 ' +
  '9 2 1 1 1 2 7 2 6 8 2 7 3 1 1 8 1 1 6 7 1 5 l 3 3 5 n 1 a 2 1 1 6 5 1 8 1 3 3 a 4 6 4 1 6 7 7 6 2 3 4 3 3 2 h ' +
  '2 3 3 9 9 8 8 1 7 4 4 2 1 3 2 1 b 2 2 4 1 1 1 2 1 2 1 a 6 4 4 1 5 3 4 i 1 1 1 6 2 1 2 1 b g 1 1 4 u 1 7 3 b 3 ' +
  '7 5 3 1 6 1 8 1 3 2 d 3 2 3 4 5 2 1 4 7 7 2 1 2 9 4 1 1 5 2 1 8 5 8 3 h 1 7 7 1 i fw 1 1v 1a c0 i 3c 1v z hs 1' +
  'j k 1 a d 1y 1 h 5 7 3g 5c 1g f 1g 48 1 1 2 2 1 1 15 26 16 p 7 h 4 a 10 m 1b e d g l 2l 8 1 7 l b a 1q b c c 7' +
  ' 5 8 f u 1d w 1b 2r 11 1 7 c 6 1x n 5 c b x l x 4 e o w 8 b y a 1 27 l o j 1f w 2e f 7 1m d 9 n 19 h 2 1z 1 4 ' +
  '4h 19 l v 6 8 5 b u q 1w r j t 7 6 40 u f 1o a 6 y 43 1f 5m k 6 96 1h l 5 7 9 9 14 3 16 3 a 2k i 18 w 13 r v 1' +
  '0 u n 18 w k 24 a 33 2b 1q u 10 8 2 a m 27 i 2 o t m p 9 v 6 i 2a 3 5 11 x 4 1h 3 j 1t m 3 38 i 5 v 5 n l t m ' +
  '7 1v 5 1 k b 4 3 g 1 a 1 a 1 2 2 6 5 e 7 3 1 4 8 5 2 5 1 1 1 1 1 f 1 6 3 7 4 3 5 9 2 8 2 3 3 6 4 7 3 4 5 1 4 a' +
  ' 7 3 1 1 2 d 6 7 4 1 4 8 5 2 8 1 5 1 1 6 4 2 1 1 4 9 p j b y 1 s 26 1i 4 6 1c 25 4 1a 11 4p z 77 6w 8i 2f 5y 2' +
  'p 1s e 3j 10 1o 2g 54 8 1b 1feo l 2o 3 5 1g i 8 w 3w 3b 17 23 x 50 11 1g h 3j 1f g 4a 26 1e d 8 7 22 9 42 4p a' +
  ' r b s 1 24 16 11 1b p 1c a 5u 33 15 12 6 g 2j j 4l 7 f t 1l 47 1g 1 8 e 2w 25 17 4d h 1b 1d 1w 7 2j 1d l 9 4 ' +
  'h d h 2d r 6 u 1a 7 12 c t l 2 6p 11 z m c q m 6 25 i 1n 1u o 1v 1a 2g p 4 j w l 6 e 2q 3g j f k c w 41 k d r ' +
  '42 1j 7 5 a b v 1o d r 18 1u s 8 1z 1d j 1h 1b i k 4 4 2 34 7 z j 2n 3d e 1s 3 a k m 10 3j 9q h 21 4 q 2t 3 24' +
  ' 4q m 2r 35 z x 9 f h 8 5 r z 6 j 19 1o 7 1p b 1y o 20 1s n l 1x r j 20 1 1g 1d 2j e s 31 2 2z h 4 3t 33 3o 3f' +
  ' g 1q 1c 36 2f m 1p 9 l u 1o 5 9 7 e 1s 4 29 f 1t 74 d 1d n 15 8 6 i 10 l 3eu a 11 z 4 27 2s 1cw 3t 1o 13 n 39' +
  ' 3 1q 2w w c 1t 1h 7w 21 p t 2m m u 4 g 2m c 5b e 2z 7k 17 3g 3 1f 9 44 23 4v 7 1r p 1i h 7g 1q 8c 33 z 8h b7 ' +
  '2u 66 x8p 2k 1v 1l k 1b 4 2 y x j 1f a 13 i p 1c 3 a 4 e k k n d p 1m t u h x 1p 2r 18 3g v l e 22 2d x 2w w 2' +
  ' 1 4 1b g 14 1a 7 g 1e 1h y a 29 u 3l c n 1s 1o h a 8b e 7n k 3k 2 f 9 17 r 3z 17 7 1q 8 l 7 3a 3j 16 3o k g 2' +
  '8 1i z e 1p b z 23 2 1u g 11 1w 12 k b 1 4 s 22 b w 2r 13 22 47 d f t j j 14 h h 2k e 19 c o r t m 19 5 x 1z a' +
  ' 1r j b 2t 8 7 1r 2l 6 41 8 c j 13 38 1h 10 2n f g 9 2t 1t j x 6 4 u m 11 l q 6 7 s t 1 1i 3f 16 1n 1 r v p l ' +
  '1t 1u 5 b 31 6 6 13 2 t 1u c 4 t 2j 35 16 12 n 1 d 3 37 1l 3p 20 a 1c l 5l o 1m c 1n e z 15 1 q 17 g 1g 15 2g ' +
  '19 14 b h p 18 17 1k e 4 i k s k 3 g 19 8 a 2j i m 29 1 d 13 o j 1 f j 23 p 1g 19 1k 6 2e k 16 10 36 l 10 3y 1' +
  'y 24 77 z 1i t 7 a 1j 7 20 2l a 5 8 3l 2v 9 g 2 1d 6g 2 q 4 n 24 4i 10 n 37 g c l 7 t 4 1a d 3r 2c h v w 18 3d' +
  ' 10 t 2b j c 17 2e 9 p 4u 3d w 19 m r 8l t 3v 2n 15 1n 16 7o 4y 1u 3q 2g 2m g 1e 1d 1o i 24 1o 2p 6y 27 m 31 1' +
  '2 1w 30 x 10 1o aw 4r s 2c 74 y 1u bg d 7g hm 12 x 3b 34 5i 2n o z8r t 2 7 e 8 5 1 4 1 r k 4 a 4 4 a 1 a 1 5 1' +
  ' 5 1 i 4 5 1 8 1 4 8 6 1 5 6 8 4 3 1 a 9 7 5 9 3 9 4 5 2 3 1 2 5 4 7 2 2 2 1 3 1 1 1 1 3 5 3 4 6 4 4 b 5 6 5 5' +
  ' 1 h 3 2 5 5 4 1 1 a 1 3 c a 3 3 b 2 2 6 5 2 b 2 1 3 d 7 7 9 8 2 1 4 7 2 2 1 4 1 1 7 4 4 s 2 1 1 b e 3 2 c h 1' +
  ' 4 2 d 5 3 2 1 4 2 4 2 q 8 4 n 1 4 2 9 1 4 3 3 4 3 2 1 2 4 3 1 8 6 2 5 2 1 6 4 2 i 7 6 3 7 2 1 7 2 2 6 3 2 3 b' +
  ' 4 3 2 2 5 1 3 4 3 3 g f e 6 2 5 1 j 7 c 8 6 5 3 1 6 1 2 3 5 p 2 2 7 5 2 c 5 1d 4 3 4 a 1 3 6 3 5 3 2 1 6 4 1 ' +
  '1 1 4 m 4 1 1 5 2 4 4 1 3 2 a 4 8 1 1 9 3 4 4 3 2 2 5 1 a 2 3 2 2 2 3 5 3 1 2 2 7 2 1 3 2 3 2 1 4 1 3 2 3 6 5 ' +
  '5 6 h 9 j 1m 8 8 17 c 1 e 3 2 2 c 7 1 3 9 3 1 1 8 1 8 6 b 1 4 4 2 2 4 3 1 5 1 2 c 5 7 a 5 3 3 a 1 6 c 7 k 2 4 ' +
  'h 8 4 2 4 1 6 2 6 2 2 f 6 a 2 4 3 9 d 9 4 2 3 3 2 1 2 a 1 1 1 2 1 1 2 8 2 9 4 9 5 1 4 2 1 2 2 8 1 3 4 9 8 a 1 ' +
  '8 5 9 9 7 h 2 1 6 4 7 z 1 1 3 7 5 7 a 4 6 7 7 3 8 1 1 6 1 2 1 1 3 2 5 9 a 2 1 9 6 2 9 7 4 1 1 6 1 6 g 4 3 3 3 ' +
  '8 a 19 j a 5 j f 5 8 w f 2 z 5 4 5 l 3 9 2 2 2 e 4 2 8 1 4 5 6 3 1 3 8 g 6 1 1 1 i 1 1 8 5 4 2 3 9 2 1 2 7 i 3' +
  ' 2 1 4 3 3 1 3 d 5 8 5 1 8 4 8 5 1 2 6 3 2 2 4 1 b 8 8 a 9 1 9 3 7 3 2 b 1 2 3 3 5 4 9 b 2 2 3 8 4 2 1 a 5 1 8' +
  ' 1 1 5 4 1 2 5 1 5 d 6 2 1 2 5 3 3 2 1 a 3 4 4 2 7 3 7 4 4 5 c 3 2 4 2 8 o 10 i h 4 4 z 8 4 k e g 8 c 2 1a 2l ' +
  '3 3 s 1 3 1 1 d 8 b 7 2 4 6 1 5 3 6 2 c 1 1 1 1 3 1 1 8 m 9 5 3 1 1 4 2 2 5 1 5 2 1 s 3 b 1 8 1 9 1 1 2 4 6 2 ' +
  '3 4 3 1 2 6 2 a 7 b f 4 3 7 1 5 3 k 2 2 3 8 9 9 3 2 1 4 c 5 6 1 9 5 2 d 6 8 5 2 2 7 4 5 5 8 1 1 b 2 a 9 5 4 3 ' +
  '3 1 2 3 2 4 5 2 2 8 3 1 1 1 7 2 4 2 a 6 1 7 7 3 1 1 1 2 2 4 6 5 b 3 a 7 1 1 b 3 6 1 f b 1 4 3 7 2 7 3 5 l 1 p ' +
  '6 1 h 9 1 2 28 g 14 7 y 4 5 e 2 8 7 a 3 2 2 f 3 1 2 3 3 i 7 b 1 1 5 d 4 6 9 3 3 1 e 5 a f 2 5 1 r 2 1 3 2 3 i ' +
  '1 6 3 2 2 2 4 g 3 3 2 8 4 1 9 a 3 1 g 7 3 6 4 7 3 7 b 6 7 6 2 7 5 1 3 8 4 6 2 4 4 2 3 d 7 5 1 1 2 1 9 b 3 1 2 ' +
  '1 e o 3 1 3 9 3 4 5 1 6 8 3 5 1 5 1 2 1 1 4 3 1 4 2 1 4 1 a 1 e 3 7 1 2 4 3 8 4 5 3 1 3 5 p a 8 1k y o g 8 12 ' +
  'e z b 4 2 3 7 a 8 h 3 5 6 p 3 g d 4 1 8 5 b b 2 4 2 2 4 2 d 2 1 1 1 6 3 2 8 1 1 2 7 2 1 8 b 4 1 4 8 1 2 4 6 2 ' +
  '4 6 2 8 1 1 4 3 5 3 5 6 f e 3 2 5 3 1 5 5 4 3 4 2 1 5 1 5 1 8 6 2 f 7 3 6 8 1 l c 4 1 4 2 1 c 6 3 c h 7 8 3 4 ' +
  '5 2 2 k 3 2 1 1 6 5 1 3 8 5 3 1 b 9 3 5 6 6 4 2 2 3 3 4 9 1 c 8 9 1 e 9 1 1 7 3 f 1 7 i 4 2 g 9 5 1 3 4 8 c 2 ' +
  '1 6 4 1 2 5 6 l 6 3 9 3 1 o g a 9 9 3 d 7 4 3 5 2 a 2 2 4 6 b 3 2 6 1 9 a 1 a 6 4 2 3 2 c b 1 1 f 5 2 5 2 1 7 ' +
  '1 4 2 5 6 6 2 1 1 5 3 6 5 7 4 7 1 8 b c 3 3 1 8 f q 2 7 9 1 1 7 9 4 1 c 2 1 2 2 4 b 6 2 1 d 5 1 3 4 2 1 4 9 4 ' +
  '4 2 2 5 5 a 3 9 4 1 1 2 1 5 1 1 3 b 2 5 a 1 7 2 1 2 1 5 3 8 8 h k 4 5 3 1 a 1 h 1 1 1 1 2 1 h 1 5 2 1 b 4 4 3 ' +
  '1 8 2 6 8 1 1 1 5 d 9 1 1i 6 d f 1 9 2 9 l s h 3 7 8 g 1i h 3 b 7 1 7 j f 20 27 4 1 1 a g 1 6 1 10 h 3 1 6 1 1' +
  ' 2 c 2 a 2 2 1 1 1 8 8 m 2 l 2 6 3 1 5 5 5 1 1 8 1 d 8 3 3 5 1 2 3 3 3 a 3 c 1 4 1 3 8 1 1 j k 7 4 c 1 1 a 5 1' +
  ' 4 6 4 8 5 5 3 1 7 6 1 e 2 7 3 3 1 1 2 8 3 2 6 4 3 4 d 8 2 c f 9 2 4 3 b a 4 e 1 5 5 4 2 e 3 3 g 1 b 9 2 5 1 5' +
  ' 4 6 9 1 7 d d 1 5 3 2 3 8 8 2 1 3 4 c 3 3 6 3 2 4 h 9 3 1 3 8 1 e 3 4 a a 2 2 7 a 7 2 4 2 5 3 6 7 3 j 3 1 3 7' +
  ' 3 3 1 2 3 2 2 3 1 7 1 6 3 3 i 5 9 2 2 b 7 7 d 3 2 6 4 7 5 3 6 1 b 2 1 d 3 7 2 h g 8 2 2 2 9 3 2 b 1 2 a 3 2 f' +
  ' 3 1 1 7 5 x 6 4 6 4 2 4 2 a 5 4 3 4 e 5 e 3 3 1 6 5 1 5 11 h c m 4 e 1v 4 e b o 3 7 p 3 8 3 a j 11 c p c f a ' +
  'a 16 1g 6o h 1g 4 e b 15 e h 3v 27 2b 1s 5 d 7 8 k 7 21 13 s 30 7 y 1n 3 2 2 z j 3 12 1l r 27 9 q 2w 11 x c 1t' +
  ' l6 14va 9 a 1 4 e u d 7 6 4 d 9 a b 1 1j m o 3 15 6 k s w c j j 17 f 7 f 1n 3 x 11 a 39 j 2 h 1f 9 s 11 n g 1' +
  'z a m p a 24 31 d 9 u 5 y 2e i 21 5 7 2e 28 n s 6 1d6t 6e 38 1n 30 ab 66 3w 1 47 2b 2 1w 7a f2 an ad 3f of l j' +
  '7 tf 90 1n 9q 1d 7a 1l 6b 4r n t i2'
/** By class, as `densities` counts them. */
export const DENSITY: readonly string[] = [
  '',
  'fj 5q4 gu7',
  '1ms 3m1 1x 1j5 19 2tk 2ry 4tm gt 9l7 fz 2k7 1mm 1lp 4mg ri 1am 244 3nd 1aj 179 vw 31 4b 2wa8 3xy 2q 3g 45s 4n ' +
  '2r3 7b 17l jw 3va0 1',
  '2hw 1s1 14 14j 4b v4 eu 4vd qr 57 49k 2ud 1zi kh 4qx 2bo 3hv 1kn 30 1d7 ay 1vv mj 5q 9m s bl i4 4m 143 1fj ui ' +
  '8x p w7 1s0 q3 29 vs 35 4o h 16w s 1c 1d 1gek 4q ok i4 4hj p3 ca bn 6h6 1it yze 29h mj 8e 1bh 7t 1 1 9z i 14 f' +
  ' 4v e p 1vd 52 29g 44 8x 37c 12fp 7ut 15yb ms 1dyu 2op 11o',
  'q3 42b 10z 1nh 243 15x 5k4 t xg bm qh 69 pg 79y 12 69 3ov cf tj 1qz 59 14 2jv 1py d5 h2 1ey 1uc 1xh 4ct m 7s 2' +
  'l gj 1gt0 1sf 9x 1sw 37p 2f 4my 3yv z1j 11u 6x wv 2ul 125 5t 14l sr pv 9i bd 3d5 s1 17vs 16zp 1hsv 3jl',
  'ck4',
  '5el 73p 2f 2bx 16u 35x 1bd 1uo rk 5h3 a5 3kj3 7n9',
  '2g2 1h d5r 1mi 1u8 bvg 416 ws 9k9 bn 2td 1gls wl 12c 1fmb 1ci 3jm 4hj d3 11te 4uu 2p2f 2b5',
  '391 fw 6wo 3k0 bde 26h 75j 1i2 j1 39q 6kn 31u9 hp 1yf',
  '',
  '5k3 1h4 1uh dd on wx 3xb 10t 25s 36y 11a 1g8 1j0 5rr 34k 1qv 6t 5qq 5g 3tv 16g 2g0 1hny qf 1yi 1ey8 z7 yx 40ye' +
  ' dc no xs 6k',
  'qd 1qn a 18 2an 21r bs 9v 2qi 87p gc 8fs 4a 1 mn d8 1ug 14g ub q5 3f vc x 1an 2sb 4ms c2 1qh 37m on q2 11 1icw' +
  ' 1gc9 2os 1q0 rk 2k4p 1ggb',
  '39h 3os 27p 3dd 4bw 2pi 39z 3s 1wb 7q 155 6g 178 1hi wi hk 1lq 135 8s 1p 2et 2aq f6 111 2q 9b 2f fv 3nx ot 78 ' +
  '14x 7i xg qw aa 1er 1h9v 11i 13o 8b no 1pk 18iy af 1st ib 1m5 1 12r 1i5 ik i 5h 3v i3 2c 2vb he 1t0 k2 3ti2 ky' +
  ' 1mc 2fc 1qc 3t'
]
