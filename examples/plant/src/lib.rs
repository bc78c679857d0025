//! The gauges of a power plant: fifty state variables, and functions that touch three of
//! them, so that what is fetched and what could be are far apart.

use skylark::prelude::*;

/// Most readings that a gauge keeps.
pub const KEPT: usize = 128;

/// What a gauge has shown, the last last.
pub type Readings = Vec<u64>;

/// The gauges.
#[skylark::state]
#[derive(Debug, Default)]
pub struct Plant {
    boiler_0: Readings,
    boiler_1: Readings,
    boiler_2: Readings,
    boiler_3: Readings,
    boiler_4: Readings,
    boiler_5: Readings,
    boiler_6: Readings,
    boiler_7: Readings,
    boiler_8: Readings,
    boiler_9: Readings,
    turbine_0: Readings,
    turbine_1: Readings,
    turbine_2: Readings,
    turbine_3: Readings,
    turbine_4: Readings,
    turbine_5: Readings,
    turbine_6: Readings,
    turbine_7: Readings,
    turbine_8: Readings,
    turbine_9: Readings,
    pump_0: Readings,
    pump_1: Readings,
    pump_2: Readings,
    pump_3: Readings,
    pump_4: Readings,
    pump_5: Readings,
    pump_6: Readings,
    pump_7: Readings,
    pump_8: Readings,
    pump_9: Readings,
    valve_0: Readings,
    valve_1: Readings,
    valve_2: Readings,
    valve_3: Readings,
    valve_4: Readings,
    valve_5: Readings,
    valve_6: Readings,
    valve_7: Readings,
    valve_8: Readings,
    valve_9: Readings,
    tank_0: Readings,
    tank_1: Readings,
    tank_2: Readings,
    tank_3: Readings,
    tank_4: Readings,
    tank_5: Readings,
    tank_6: Readings,
    tank_7: Readings,
    tank_8: Readings,
    tank_9: Readings,
}

#[skylark::service]
impl Plant {
    /// Lets every gauge have shown the same, so that each has something to fetch.
    pub fn fill(&mut self, readings: Readings) {
        self.boiler_0 = readings.clone();
        self.boiler_1 = readings.clone();
        self.boiler_2 = readings.clone();
        self.boiler_3 = readings.clone();
        self.boiler_4 = readings.clone();
        self.boiler_5 = readings.clone();
        self.boiler_6 = readings.clone();
        self.boiler_7 = readings.clone();
        self.boiler_8 = readings.clone();
        self.boiler_9 = readings.clone();
        self.turbine_0 = readings.clone();
        self.turbine_1 = readings.clone();
        self.turbine_2 = readings.clone();
        self.turbine_3 = readings.clone();
        self.turbine_4 = readings.clone();
        self.turbine_5 = readings.clone();
        self.turbine_6 = readings.clone();
        self.turbine_7 = readings.clone();
        self.turbine_8 = readings.clone();
        self.turbine_9 = readings.clone();
        self.pump_0 = readings.clone();
        self.pump_1 = readings.clone();
        self.pump_2 = readings.clone();
        self.pump_3 = readings.clone();
        self.pump_4 = readings.clone();
        self.pump_5 = readings.clone();
        self.pump_6 = readings.clone();
        self.pump_7 = readings.clone();
        self.pump_8 = readings.clone();
        self.pump_9 = readings.clone();
        self.valve_0 = readings.clone();
        self.valve_1 = readings.clone();
        self.valve_2 = readings.clone();
        self.valve_3 = readings.clone();
        self.valve_4 = readings.clone();
        self.valve_5 = readings.clone();
        self.valve_6 = readings.clone();
        self.valve_7 = readings.clone();
        self.valve_8 = readings.clone();
        self.valve_9 = readings.clone();
        self.tank_0 = readings.clone();
        self.tank_1 = readings.clone();
        self.tank_2 = readings.clone();
        self.tank_3 = readings.clone();
        self.tank_4 = readings.clone();
        self.tank_5 = readings.clone();
        self.tank_6 = readings.clone();
        self.tank_7 = readings.clone();
        self.tank_8 = readings.clone();
        self.tank_9 = readings.clone();
    }

    /// Notes what the gauges of the first boiler, turbine and pump show, and yields the
    /// largest of what they have shown.
    pub fn note(&mut self, heat: u64, speed: u64, flow: u64) -> u64 {
        note(&mut self.boiler_0, heat);
        note(&mut self.turbine_0, speed);
        note(&mut self.pump_0, flow);
        self.largest()
    }

    /// The largest that these three gauges have shown.
    pub fn largest(&self) -> u64 {
        let all = self.boiler_0.iter().chain(&self.turbine_0);
        all.chain(&self.pump_0).copied().max().unwrap_or_default()
    }
}

/// Notes a reading, and forgets the oldest if there are too many.
fn note(readings: &mut Readings, reading: u64) {
    if readings.len() >= KEPT {
        readings.remove(0);
    }
    readings.push(reading);
}

#[cfg(test)]
mod tests {
    use skylark::native::Runtime;

    #[test]
    fn a_gauge_forgets_the_oldest() {
        let runtime = Runtime::new();
        let full: Vec<u64> = vec![9; super::KEPT];
        runtime.run::<()>("Plant-fill", &full).unwrap();
        assert_eq!(runtime.run::<u64>("Plant-note", &(1, 2, 3)).unwrap(), 9);
        let boiler: Vec<u64> = runtime.state("Plant-boiler_0").unwrap().unwrap();
        assert_eq!((boiler.len(), boiler.last()), (super::KEPT, Some(&1)));
        assert_eq!(runtime.run::<u64>("Plant-largest", &()).unwrap(), 9);
    }
}
