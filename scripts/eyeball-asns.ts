/** Large networks that sell internet access to people, by continent: known by name, checked against the names of the AS data. */
export const EYEBALL_ASNS: readonly number[] = [
  // North America: Comcast, Charter, Cox, AT&T, Verizon, T-Mobile, Frontier, Altice, Mediacom, Windstream, Rogers, Bell, Telus,
  // Shaw, Vidéotron
  7922, 20115, 11426, 11427, 10796, 20001, 12271, 33363, 11351, 22773, 7018, 701, 6167, 22394, 21928, 5650, 6128, 30036, 7029,
  812, 577, 852, 6327, 5769,
  // Latin America: Telmex, Claro, Vivo, Oi, Telefónica and Telecom Argentina
  8151, 28573, 26599, 27699, 7738, 18881, 22927, 7303,
  // Europe: BT, Virgin, Sky, TalkTalk, DT, Vodafone, O2, 1&1, Orange, Free, SFR, Bouygues, TIM, Wind, Fastweb, Telefónica, KPN,
  // Ziggo, Proximus, Telenet, Telia, Telenor, TDC, Elisa, Orange Polska, Netia, Plus, Rostelecom, Beeline, MTS
  2856, 5089, 5607, 13285, 3320, 3209, 6805, 8881, 31334, 3215, 12322, 15557, 5410, 3269, 30722, 1267, 12874, 3352, 12479, 12430,
  1136, 33915, 5432, 6848, 3301, 2119, 3292, 719, 1759, 5617, 12741, 8374, 12389, 8402, 8359, 3216, 25513,
  // Middle East: Türk Telekom, Superonline, Vodafone, Bezeq, Etisalat, du, STC
  9121, 34984, 15897, 8551, 5384, 15802, 25019,
  // Asia and Oceania: Jio, Airtel, BSNL, Hathway, China Telecom, Unicom, Mobile, KT, SK Broadband, LG, NTT OCN, KDDI, SoftBank,
  // Biglobe, docomo, HiNet, PLDT, Globe, Telkom, Telkomsel, VNPT, Viettel, FPT, 3BB, True, TM, Maxis, Singtel, Telstra, Optus,
  // TPG, Spark, One NZ
  55836, 24560, 45609, 9829, 17488, 4134, 4837, 9808, 4766, 9318, 17858, 4713, 2516, 17676, 2518, 9605, 3462, 9299, 4775, 7713,
  23693, 45899, 7552, 18403, 45758, 17552, 4788, 9534, 3758, 1221, 4804, 7545, 4771, 9500,
  // Africa: Telkom SA, Vodacom, MTN, Airtel, TE Data, Etisalat Misr, Maroc Telecom, Algérie Télécom, Safaricom
  37457, 29975, 16637, 29465, 36873, 8452, 36992, 6713, 36947, 33771
]

/** Sell access to people, though no list of such networks has them and some lists call them hosters: Bahnhof, Afrihost. */
export const FURTHER_ACCESS_ASNS: readonly number[] = [8473, 37611]
