package main

import "strings"

// demoNamePool is one style of naming. The family names are invented, so that a pair of a given
// and a family name is nobody's.
type demoNamePool struct{ given, family []string }

func demoPool(given, family string) demoNamePool {
	return demoNamePool{given: strings.Fields(given), family: strings.Fields(family)}
}

// demoNames are the pools that people of the demo company are named from.
func demoNames() []demoNamePool {
	return []demoNamePool{
		demoPool("Anneke Joris Liesbet Wout Femke Pieter Saskia Ruben Maaike Thijs",
			"Hallewyck Dobbelmans Terbrugge Oosterzeel Wijnhaeve Kestelaar Moerbeeks"),
		demoPool("Grethe Holger Ilsa Jannik Wiebke Torben Ulrike Fiete Marlen Eckhart",
			"Brachtfelder Nordhusmann Quellrath Steinwicker Immelhoff Dreyfurth Lankwitzer"),
		demoPool("Ingrid Sverre Astrid Eirik Solveig Håkon Liv Jørn Ragna Øystein",
			"Halvardsund Fjellvoll Bråtenes Skogerud Myrkaas Tindestøl Vikarheim"),
		demoPool("Aino Jussi Helmi Tapio Venla Eero Kaisa Onni Säde Veikko",
			"Koivurinne Lehtovainio Sarkajoki Metsäkorpela Hiidenlampi Rautakangas Untamoinen"),
		demoPool("Małgorzata Bogdan Jagoda Łukasz Zofia Kacper Halina Ryszard Wanda Tymon",
			"Brzezinowska Dolnicki Kwiatomska Jeziorzak Olszewnik Trzcinowicz Wronkowska"),
		demoPool("Océane Bastien Clémence Thibault Solène Gaspard Maëlle Rémi Aurélie Yannick",
			"Brivesac Castelnoux Delaubrac Fontravel Lignerolles Montardier Roquelane"),
		demoPool("Inês Duarte Leonor Gonçalo Matilde Tiago Beatriz Vasco Filipa Afonso",
			"Alvorinha Barrovento Carvalhosa Lamarosa Penalves Quintadeiro Serravinha"),
		demoPool("Itziar Rodrigo Nuria Gonzalo Marisol Álvaro Xiomara Joaquín Pilar Efraín",
			"Alcondara Berruezca Castromil Espinalta Lagunero Montellanos Villarroya"),
		demoPool("Chiara Fabrizio Ginevra Lorenzo Mirella Tullio Ornella Ruggero Silvia Zeno",
			"Acquarossi Bentivalle Cormanico Fiordalto Lupicelli Montescuro Valdorini"),
		demoPool("Eleni Stavros Kalliope Nikos Despina Petros Zoë Lefteris Ariadni Manolis",
			"Anemidakis Kastraniou Lithropoulos Marmarelis Pelagonis Thalassinou Vounakis"),
		demoPool("Adaeze Chinedu Folake Obinna Ngozi Tunde Yetunde Emeka Ifeoma Segun",
			"Abekolu Eziamaka Idowunle Nwachuro Ogbenna Olatoro Umezuwa"),
		demoPool("Akosua Kwabena Efua Yaw Abena Kojo Esi Kwaku Adjoa Fiifi",
			"Adomakye Bonsarko Darkotey Kwartemaa Nyamesi Opokyere Tetteyan"),
		demoPool("Wanjiru Kiprono Achieng Mwangi Nyambura Otieno Chebet Baraka Zawadi Jabali",
			"Kamaundi Kipleting Muthaura Nyagari Odhingo Simatwei Wekunde"),
		demoPool("Layla Tarek Salma Karim Nour Yousef Dalia Hisham Rania Bilal",
			"Al-Barouki Darwashi El-Moghazi Haddarin Khalfouni Nasrawy Zeidoun"),
		demoPool("Leyla Emre Defne Kerem Zeynep Onur Elif Barış Sevgi Tolga",
			"Akçelik Bozkaraca Demirtunç Gümüşhan Karaörs Sarıbeyli Yıldızkan"),
		demoPool("Parisa Kaveh Shirin Behrouz Mahsa Arash Golnar Siavash Niloufar Jamshid",
			"Ardeshani Bahramifar Golestari Kianmehri Navabadi Rostamian Zarrinfar"),
		demoPool("Ananya Rohit Meenakshi Vikram Kavya Suresh Ishani Devendra Lakshmi Arjun",
			"Bhattalwar Chandrekar Deshmurthy Iyengadi Kulkarve Raghavendre Vasudekar"),
		demoPool("Thi-Lan Minh Ngoc Quang Huong Bao Tuyet Khanh Linh Duc",
			"Dangvo Hoangtrieu Luongphan Ngothai Phamle Trinhvu Vuongdo"),
		demoPool("Haruka Kenta Sayuri Takumi Yoriko Daichi Mio Shun Chihiro Ren",
			"Aomizawa Hoshigaki Kazamori Minasegawa Sugaoka Tsukihama Yukinobe"),
		demoPool("Seo-yeon Ji-hoon Ha-eun Min-jae Yu-na Dong-hyun Soo-ah Tae-yang Bo-ra Jun-seo",
			"Bangwol Cheonmu Dokgyeon Maengho Okseon Pyohan Seonmyeong"),
		demoPool("Xiulan Weiming Qiaoling Haoran Meifeng Jianyu Ruolan Zhiwei Yating Boqin",
			"Ouyanzhao Shangwei Linghu-Bai Duanmei Ximenlu Zhugewen Huangfujin"),
		demoPool("Maren Fergus Orla Callum Niamh Rhodri Isla Gethin Eilidh Declan",
			"Ardlochan Brackenshaw Carrowmoyle Dunsallagh Fairholmby Glenhaffey Penrhywel"),
		demoPool("Tallulah Desmond Marisela Wendell Odette Curtis Imani Lyle Rosalind Emmett",
			"Ashgrovely Bellthorpe Crowmarsham Fallowden Harrowick Littlemere Tamblesey"),
		demoPool("Keala Mana Leilani Tavita Sina Ioane Moana Tane Aroha Wiremu",
			"Faleolonu Kahananui Mataiva-Lei Ngatoroa Pukeroa Tautaiole Waimarino"),
	}
}
