// What a demo's page takes from the bench beside it: the ladder and the cable, as two elements.
// No build step: these files are what the browser runs.
import "./wire-view.js";
import "./cable-box.js";
